namespace Mesh.Ingress;

/// <summary>Everything that ingress logs. Names and reasons; never a token, a signature or a body.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Debug, "A delivery to {Tenant}/{Webhook} was rejected: {Reason}.")]
    public static partial void DeliveryRejected(this ILogger log, string tenant, string webhook, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "Verification keys of {Tenant}/{Webhook} cannot be had from the vault ({Cause}); the sender is told to come back.")]
    public static partial void KeysNotReached(this ILogger log, string tenant, string webhook, string cause);

    [LoggerMessage(1002, LogLevel.Warning, "The vault has a secret of {Tenant}/{Webhook} that is not of the form that the webhook's scheme asks for; it is not used.")]
    public static partial void KeyMalformed(this ILogger log, string tenant, string webhook);

    [LoggerMessage(1003, LogLevel.Warning, "A verified delivery to {Tenant}/{Webhook} was not taken by the orchestrator ({Cause}); the sender is told to come back.")]
    public static partial void IntakeNotReached(this ILogger log, string tenant, string webhook, string cause);

    [LoggerMessage(1004, LogLevel.Error, "A verified delivery to {Tenant}/{Webhook} failed at the orchestrator with {Code}: {Cause}.")]
    public static partial void IntakeFailed(this ILogger log, string tenant, string webhook, Grpc.Core.StatusCode code, string cause);

    [LoggerMessage(1005, LogLevel.Error, "The vault describes the scheme {Scheme} of {Tenant}/{Webhook} in a way that this version does not know; senders are told to come back.")]
    public static partial void SchemeNotKnown(this ILogger log, string tenant, string webhook, string scheme);

    [LoggerMessage(1006, LogLevel.Warning, "A verified delivery to {Tenant}/{Webhook} is on the broker, because the orchestrator did not take it ({Cause}); it becomes a task later.")]
    public static partial void DeliveryQueued(this ILogger log, string tenant, string webhook, string cause);

    [LoggerMessage(1007, LogLevel.Warning, "A verified delivery to {Tenant}/{Webhook} could not be put on the broker either.")]
    public static partial void QueueNotReached(this ILogger log, string tenant, string webhook, Exception thrown);

    [LoggerMessage(1010, LogLevel.Warning, "Policy did not say whose token this is ({Cause}).")]
    public static partial void PolicyNotReached(this ILogger log, string cause);

    [LoggerMessage(1021, LogLevel.Error, "{Service} answered {Path} with status {Status} and nothing else.")]
    public static partial void EmptyAnswer(this ILogger log, string service, string path, int status);

    [LoggerMessage(1022, LogLevel.Warning, "{Service} did not answer {Path}: {Failure} ({Cause}).")]
    public static partial void ForwardingFailed(this ILogger log, string service, string path, string failure, string cause);

    [LoggerMessage(1030, LogLevel.Information, "{Principal} applied {Count} manifests.")]
    public static partial void ManifestsApplied(this ILogger log, string principal, int count);

    [LoggerMessage(1031, LogLevel.Warning, "Manifests of {Principal} were valid everywhere and {Service} then did not take them; those before it have them.")]
    public static partial void ApplyInterrupted(this ILogger log, string principal, string service);

    [LoggerMessage(1032, LogLevel.Information, "Another apply of the same tenant overtook pass {Pass} of {Principal}'s; it begins again.")]
    public static partial void ApplyOvertaken(this ILogger log, string principal, int pass);

    [LoggerMessage(1040, LogLevel.Error, "{Method} {Path} failed as request {RequestId}.")]
    public static partial void RequestFailed(this ILogger log, Exception thrown, string method, string path, string requestId);
}
