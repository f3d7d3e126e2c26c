using Microsoft.Extensions.Logging;

namespace Mesh.Postgres;

internal static partial class Log
{
    [LoggerMessage(8001, LogLevel.Error, "The connection of the store {Store} was lost while committing {Entries} entries; their outcome is unknown.")]
    public static partial void CommitUnknown(this ILogger log, string store, int entries, Exception error);

    [LoggerMessage(8002, LogLevel.Error, "The store {Store} cannot be reached or has no room; {Entries} entries were not written.")]
    public static partial void StoreUnreachable(this ILogger log, string store, int entries, Exception error);

    [LoggerMessage(8003, LogLevel.Warning, "An entry of the store {Store} was not written: another session holds its row and did not let go.")]
    public static partial void EntryBlocked(this ILogger log, string store);

    [LoggerMessage(8004, LogLevel.Warning, "Other replicas are not heard for a moment; what they would hint at is found by looking.")]
    public static partial void HintsInterrupted(this ILogger log, Exception error);

    [LoggerMessage(8005, LogLevel.Debug, "A hint did not reach other replicas; they find out by looking.")]
    public static partial void HintsLost(this ILogger log, Exception error);
}
