using Mesh.Errors.V1;

namespace Mesh.Toolrunner.Custody;

/// <summary>What came of a redemption. There is no second try: a lease works once, whatever came of the answer.</summary>
internal abstract record Redemption
{
    internal sealed record Granted(Grant Grant) : Redemption;

    internal sealed record Refused(Reason Reason, string Message) : Redemption;
}
