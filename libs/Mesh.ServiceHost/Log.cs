namespace Mesh.ServiceHost;

/// <summary>Everything that the host itself logs. Ids 9001 to 9099.</summary>
internal static partial class Log
{
    [LoggerMessage(9001, LogLevel.Information, "{Service} {Version} listens on {Listen}, health on {Health}.")]
    public static partial void Listening(this ILogger log, string service, string version, string listen, string health);

    [LoggerMessage(9002, LogLevel.Information, "Draining: not ready any more, finishing what is in flight.")]
    public static partial void Draining(this ILogger log);

    [LoggerMessage(9003, LogLevel.Information, "Standard input ended; the launcher is gone.")]
    public static partial void StandardInputEnded(this ILogger log);

    [LoggerMessage(9004, LogLevel.Warning, "{Caller} may not call {Method}.")]
    public static partial void CallerNotAllowed(this ILogger log, string caller, string method);

    [LoggerMessage(9005, LogLevel.Error, "{Method} failed as request {RequestId}.")]
    public static partial void CallFailed(this ILogger log, Exception thrown, string method, string requestId);

    [LoggerMessage(9006, LogLevel.Warning, "{Method} could not reach the store ({Failure}).")]
    public static partial void StoreUnavailable(this ILogger log, string method, string failure);

    [LoggerMessage(9007, LogLevel.Critical, "{Method} has no row in the caller table; refusing to serve.")]
    public static partial void MethodWithoutRow(this ILogger log, string method);

    [LoggerMessage(9008, LogLevel.Warning, "The clock of {Peer} differs by {Skew}; more than 2 s makes this service not ready.")]
    public static partial void ClockSkewed(this ILogger log, string peer, TimeSpan skew);

    [LoggerMessage(9009, LogLevel.Warning, "{Path} changed and cannot be read; the keys read before stay trusted.")]
    public static partial void TrustUnreadable(this ILogger log, Exception thrown, string path);

    [LoggerMessage(9010, LogLevel.Information, "{Path} was read: {Keys} keys are trusted.")]
    public static partial void TrustRead(this ILogger log, string path, int keys);

    [LoggerMessage(EventId = 9011, Message = "{Peer} at {Replica} cannot be reached ({Cause}).")]
    public static partial void ReplicaNotReached(this ILogger log, LogLevel level, string peer, string replica, string cause);

    [LoggerMessage(9051, LogLevel.Information, "{Gauges} could not look ({Failure}), and show nothing until they can.")]
    public static partial void NotSampled(this ILogger log, string gauges, string failure);
}
