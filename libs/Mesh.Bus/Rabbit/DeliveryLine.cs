namespace Mesh.Bus.Rabbit;

/// <summary>Puts deliveries that are handled in parallel back into the order in which the broker sent them.</summary>
/// <remarks>The tags of one channel have no gaps, so the next one is always known. A new channel counts from 1 again.</remarks>
internal sealed class DeliveryLine
{
    private readonly Dictionary<ulong, Arrival> waiting = [];
    private Arrival? last;
    private ulong next = 1;

    /// <summary>Something came before what must come first.</summary>
    public bool HasGap => waiting.Count > 0 && !waiting.ContainsKey(next);

    public void Add(Arrival arrival)
    {
        if (arrival.IsGone)
        {
            arrival.GiveBack();
            return;
        }

        if (last is not null && !arrival.SharesChannelWith(last))
        {
            GiveBack();
            next = 1;
        }

        last = arrival;
        waiting.Add(arrival.Tag, arrival);
    }

    /// <summary>Those whose turn it is.</summary>
    public IReadOnlyList<Arrival> Take(int atMost)
    {
        var taken = new List<Arrival>();

        while (taken.Count < atMost && waiting.Remove(next, out var arrival))
        {
            taken.Add(arrival);
            next++;
        }

        return taken;
    }

    /// <summary>Nothing of what waits will be handled here.</summary>
    public void GiveBack()
    {
        foreach (var arrival in waiting.Values)
        {
            arrival.GiveBack();
        }

        waiting.Clear();
    }
}
