using Microsoft.Extensions.Logging;

namespace Mesh.Bus;

internal static partial class Log
{
    [LoggerMessage(8101, LogLevel.Warning, "The outbox relay was interrupted and goes on in {Pause}.")]
    public static partial void RelayInterrupted(this ILogger log, TimeSpan pause, Exception error);

    [LoggerMessage(8102, LogLevel.Warning, "{Messages} messages wait in the outbox because nobody is subscribed to {Types}, or a queue of theirs is full.")]
    public static partial void Unroutable(this ILogger log, int messages, string types);

    [LoggerMessage(8103, LogLevel.Warning, "The consumer {Consumer} was interrupted and goes on.")]
    public static partial void ConsumerInterrupted(this ILogger log, string consumer, Exception error);

    [LoggerMessage(8104, LogLevel.Debug, "A batch of {Messages} messages for {Consumer} failed ({Error}); each is now delivered alone.")]
    public static partial void BatchSplit(this ILogger log, string consumer, int messages, string error);

    [LoggerMessage(8105, LogLevel.Warning, "{Consumer} failed on message {Message} of type {Type}.")]
    public static partial void HandlerFailed(this ILogger log, string consumer, Guid message, string type, Exception error);

    [LoggerMessage(8106, LogLevel.Error, "Message {Message} of type {Type} is parked for {Consumer} after {Attempts} attempts; its key waits: {Error}")]
    public static partial void Parked(this ILogger log, Guid message, string type, string consumer, int attempts, string error);

    [LoggerMessage(8110, LogLevel.Warning, "Of {Messages} messages the broker confirmed {Accepted} before it failed; the others go again.")]
    public static partial void SendInterrupted(this ILogger log, int accepted, int messages, Exception error);

    [LoggerMessage(8108, LogLevel.Warning, "{Principal} has message {Message} delivered to {Consumer} again.")]
    public static partial void DeadLetterRetried(this ILogger log, string principal, string message, string consumer);

    [LoggerMessage(8109, LogLevel.Warning, "{Principal} discarded message {Message} of {Consumer}: it never has its effect.")]
    public static partial void DeadLetterDiscarded(this ILogger log, string principal, string message, string consumer);

    [LoggerMessage(8107, LogLevel.Warning, "A hint to the consumers could not be sent; they find the messages at their next poll.")]
    public static partial void HintLost(this ILogger log, Exception error);
}
