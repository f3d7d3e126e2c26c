using Mesh.Errors.V1;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner;

/// <summary>Everything that the tool runner logs. Ids 6000 to 6999. Never a payload, never a secret.</summary>
internal static partial class Log
{
    [LoggerMessage(6001, LogLevel.Debug, "Call {Action} dispatch {Dispatch} ended {Outcome} with status {Status}, {Bytes} bytes; the credential was removed {Scrubbed} times.")]
    public static partial void CallEnded(this ILogger log, string action, int dispatch, CallOutcome outcome, int status, int bytes, int scrubbed);

    [LoggerMessage(6002, LogLevel.Warning, "The vault refused call {Action} dispatch {Dispatch}: {Reason}.")]
    public static partial void RedemptionRefused(this ILogger log, string action, int dispatch, Reason reason);

    [LoggerMessage(6010, LogLevel.Information, "Agent {Agent} of {Workflow} started as process {Pid}.")]
    public static partial void AgentStarted(this ILogger log, string agent, string workflow, int pid);

    [LoggerMessage(6012, LogLevel.Warning, "Agent {Agent} of {Workflow} ended: {Cause}.")]
    public static partial void AgentEnded(this ILogger log, string agent, string workflow, string cause);

    [LoggerMessage(6013, LogLevel.Warning, "{Workflow} cannot be started: {Cause} The next try is in {Pause}.")]
    public static partial void AgentNotStarted(this ILogger log, string workflow, string cause, TimeSpan pause);

    [LoggerMessage(6014, LogLevel.Warning, "Agent {Agent} did not stop when asked and was killed.")]
    public static partial void AgentKilled(this ILogger log, string agent);

    [LoggerMessage(6015, LogLevel.Warning, "The end of agent {Agent} could not be told to the orchestrator; its claims end by themselves.")]
    public static partial void AgentEndUntold(this ILogger log, string agent);

    [LoggerMessage(6016, LogLevel.Warning, "A connection at the agents' door was closed: {Cause}.")]
    public static partial void StrangerAtDoor(this ILogger log, string cause);

    [LoggerMessage(6017, LogLevel.Warning, "The orchestrator did not assign agents ({Failure}); those that run go on.")]
    public static partial void AssignmentsSilent(this ILogger log, string failure);

    [LoggerMessage(6018, LogLevel.Information, "Bundle {Digest} was unpacked: {Files} files, {Bytes} bytes.")]
    public static partial void BundleUnpacked(this ILogger log, string digest, int files, long bytes);

    [LoggerMessage(6019, LogLevel.Error, "The loop of {Workflow} failed and starts again.")]
    public static partial void AgentLoopFailed(this ILogger log, Exception thrown, string workflow);

    [LoggerMessage(6020, LogLevel.Warning, "{Path} could not be written.")]
    public static partial void AgentsFileUnwritable(this ILogger log, Exception thrown, string path);

    [LoggerMessage(6021, LogLevel.Warning, "Agent {Agent} left something behind in {Folder} that could not be ended or removed; the next start tries again.")]
    public static partial void AgentRemains(this ILogger log, string agent, string folder);

    [LoggerMessage(6022, LogLevel.Warning, "{Count} agents of an earlier runner left something behind in {Folder} that could not be ended or removed.")]
    public static partial void RemainsWithstood(this ILogger log, int count, string folder);

    [LoggerMessage(6023, LogLevel.Information, "Agent {Agent} of {Workflow} was taken back: {Cause}.")]
    public static partial void AgentTakenBack(this ILogger log, string agent, string workflow, string cause);
}
