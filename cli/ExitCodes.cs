using Grpc.Core;

namespace Mesh.Cli;

/// <summary>What a script may rely on. The text of an error is no contract, these numbers are.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Error = 1;
    public const int Usage = 2;

    /// <summary>The task ended failed, denied or cancelled.</summary>
    public const int TaskNotCompleted = 3;

    /// <summary>Not logged in, or not allowed.</summary>
    public const int NotAllowed = 4;

    public const int NotFound = 5;

    /// <summary>A conflict: decided already, changed meanwhile, or not in that state.</summary>
    public const int Conflict = 6;

    public const int WaitingForApproval = 7;
    public const int NotReachable = 8;

    /// <summary>The command worked and its answer is bad: a log that does not verify, a policy with findings.</summary>
    public const int Findings = 10;

    public const int TimedOut = 124;
    public const int Interrupted = 130;

    /// <param name="status">What the call ended with.</param>
    /// <param name="isFromMesh">A service of the mesh said so, and not the network on the way to it.</param>
    public static int Of(StatusCode status, bool isFromMesh) => status switch
    {
        StatusCode.OK => Done,
        StatusCode.Unauthenticated or StatusCode.PermissionDenied => NotAllowed,
        StatusCode.NotFound => NotFound,
        StatusCode.AlreadyExists or StatusCode.Aborted or StatusCode.FailedPrecondition => Conflict,
        StatusCode.Unavailable when !isFromMesh => NotReachable,
        StatusCode.DeadlineExceeded => TimedOut,
        StatusCode.Cancelled => Interrupted,
        _ => Error,
    };
}
