namespace Mesh.Audit;

/// <summary>What this service writes to its own log. Never a payload, and never a leaf.</summary>
internal static partial class Log
{
    [LoggerMessage(5001, LogLevel.Warning, "An append to the log of {Tenant} was not durable within {Deadline}; it was refused.")]
    public static partial void AppendTooSlow(this ILogger log, string tenant, TimeSpan deadline);

    [LoggerMessage(5002, LogLevel.Error, "The store did not take an append to the log of {Tenant}; it was refused.")]
    public static partial void AppendRefused(this ILogger log, string tenant, Exception error);

    [LoggerMessage(5003, LogLevel.Critical, "No checkpoint is signed for the log of {Tenant}: it contradicts what was signed before.")]
    public static partial void CheckpointRefused(this ILogger log, string tenant, Exception error);

    [LoggerMessage(5004, LogLevel.Warning, "The checkpoint of the log of {Tenant} is late; it is tried again.")]
    public static partial void CheckpointDelayed(this ILogger log, string tenant, Exception error);

    [LoggerMessage(5005, LogLevel.Warning, "Logs without a checkpoint could not be looked for.")]
    public static partial void LookFailed(this ILogger log, Exception error);

    [LoggerMessage(5006, LogLevel.Error, "Facts in message {Message} about {Key} cannot enter the log: {Reason}")]
    public static partial void FactsRefused(this ILogger log, Guid message, string key, string reason);

    [LoggerMessage(5007, LogLevel.Warning, "Message {Message} has {Count} facts that this build cannot read; they are in the log as they came.")]
    public static partial void FactsUnknown(this ILogger log, Guid message, int count);

    [LoggerMessage(5008, LogLevel.Warning, "The store cannot be reached yet; until it can, this service is not ready.")]
    public static partial void StoreNotThere(this ILogger log, Exception error);

    [LoggerMessage(5009, LogLevel.Warning, "Old rows could not be forgotten ({Error}); they are tried again.")]
    public static partial void UpkeepFailed(this ILogger log, string error);
}
