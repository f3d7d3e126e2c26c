namespace Mesh.Orchestrator;

/// <summary>Everything that the orchestrator logs. Ids are never reused.</summary>
internal static partial class Log
{
    [LoggerMessage(3001, LogLevel.Warning, "The backlog of {Workflow} could not be read; it is looked at again soon.")]
    public static partial void BacklogUnreadable(this ILogger log, string workflow, Exception error);

    [LoggerMessage(3002, LogLevel.Warning, "Task {Task} was not handed out: its former claim could not be fenced ({Reason}).")]
    public static partial void TakeoverUnfenced(this ILogger log, Guid task, string reason);

    [LoggerMessage(3003, LogLevel.Warning, "The claim of {Instance} on task {Task} has expired; the task is offered again.")]
    public static partial void ClaimExpired(this ILogger log, Guid task, string instance);

    [LoggerMessage(3004, LogLevel.Error, "The shared loop failed once and goes on.")]
    public static partial void SharedLoopFailed(this ILogger log, Exception error);

    [LoggerMessage(3005, LogLevel.Error, "Task {Task} could not be tended to; it is tried again after a rest.")]
    public static partial void TaskUntended(this ILogger log, Guid task, Exception error);

    [LoggerMessage(3020, LogLevel.Critical, "SECURITY: dispatch {Dispatch} of {Step} of task {Task} was redeemed {Count} times; a lease works once. Its outcome counts as unknown.")]
    public static partial void RedeemedMoreThanOnce(this ILogger log, Guid task, string step, int dispatch, int count);
}
