using Mesh.Errors.V1;

namespace Mesh.Toolrunner.Kinds;

/// <summary>What came of one request to a target.</summary>
internal abstract record TargetAnswer
{
    /// <summary>A whole answer within the limit, not yet scrubbed.</summary>
    internal sealed record Whole(int Status, byte[] Body) : TargetAnswer;

    /// <summary>An answer whose body passes the limit.</summary>
    internal sealed record TooLarge(int Status) : TargetAnswer;

    /// <summary>An answer whose body is of no use.</summary>
    internal sealed record Bodiless(int Status, Reason Reason, string Message) : TargetAnswer;

    /// <summary>It is certain that nothing was sent.</summary>
    internal sealed record NotSent(Reason Reason, string Message) : TargetAnswer;

    /// <summary>It may have been sent, and no answer came.</summary>
    internal sealed record Silence(string Message) : TargetAnswer;
}
