namespace Mesh.Manifests.Schema;

/// <summary>One validation under way: what was found, and how much more it may cost.</summary>
internal sealed class Evaluation
{
    public const int ViolationsMax = 20;
    public const int StepsMax = 200_000;

    // Schema levels entered at once. In-place references multiply with the instance's depth, and the stack is finite.
    public const int DepthMax = 400;

    private readonly List<SchemaViolation> violations = [];
    private int steps;
    private int depth;
    private int quiet;
    private SchemaViolation? fatal;

    /// <summary>While alternatives are tried, a miss is no violation of the whole.</summary>
    public bool IsQuiet => quiet > 0;

    public bool IsOver => fatal is not null;

    public bool TryEnter(InstancePath at)
    {
        if (++steps > StepsMax)
        {
            Stop(at, $"needs more than {StepsMax} steps to check");
        }
        else if (depth >= DepthMax)
        {
            Stop(at, $"needs more than {DepthMax} schema levels to check");
        }

        if (IsOver)
        {
            return false;
        }

        depth++;
        return true;
    }

    public void Leave() => depth--;

    public bool Miss(InstancePath at, string message)
    {
        if (!IsQuiet && violations.Count < ViolationsMax)
        {
            violations.Add(new SchemaViolation(at.Pointer(), message));
        }

        return false;
    }

    /// <summary>Ends the validation as failed, also inside <c>not</c>, where an ordinary miss would turn into a match.</summary>
    public bool Stop(InstancePath at, string message)
    {
        fatal ??= new SchemaViolation(at.Pointer(), message);
        return false;
    }

    public bool Try(SchemaNode schema, System.Text.Json.JsonElement instance, InstancePath at)
    {
        quiet++;

        try
        {
            return schema.Check(instance, at, this);
        }
        finally
        {
            quiet--;
        }
    }

    public IReadOnlyList<SchemaViolation> Close(bool isValid) => fatal is not null
        ? [fatal]
        : isValid || violations.Count > 0 ? violations : [new SchemaViolation("", "does not match its schema")];
}
