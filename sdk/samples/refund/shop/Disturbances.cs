namespace Refund.Shop;

/// <summary>What the shop was told to do wrong and has not yet done.</summary>
internal sealed class Disturbances
{
    private readonly Lock gate = new();
    private readonly List<Disturbance> waiting = [];

    public IResult Add(Disturbance disturbance)
    {
        if (disturbance is Fail { When: not ("before" or "after") } or Hang { When: not ("before" or "after") })
        {
            return Results.Problem("when is before or after.", statusCode: StatusCodes.Status400BadRequest);
        }

        lock (gate)
        {
            waiting.Add(disturbance);
        }

        return Results.NoContent();
    }

    public void Clear()
    {
        lock (gate)
        {
            waiting.Clear();
        }
    }

    /// <summary>The oldest one for this path, used up once.</summary>
    public Disturbance? Take(PathString path)
    {
        lock (gate)
        {
            var index = waiting.FindIndex(one => path.StartsWithSegments(one.Path, StringComparison.Ordinal));
            if (index < 0)
            {
                return null;
            }

            var found = waiting[index];
            waiting.RemoveAt(index);
            if (found.Times > 1)
            {
                waiting.Insert(index, found with { Times = found.Times - 1 });
            }

            return found;
        }
    }
}
