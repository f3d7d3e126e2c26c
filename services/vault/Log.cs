namespace Mesh.Vault;

/// <summary>Everything that the vault logs. Ids and sizes; never a token, a secret or a note.</summary>
internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Information, "Unsealed instance {Instance}.")]
    public static partial void Unsealed(this ILogger log, Guid instance);

    [LoggerMessage(4001, LogLevel.Error, "Sealed: instance {Instance} was sealed under root key {Expected}, this process has {Actual}.")]
    public static partial void WrongRootKey(this ILogger log, Guid instance, Guid expected, Guid actual);

    [LoggerMessage(4002, LogLevel.Warning, "Still sealed: the store cannot be read ({Cause}).")]
    public static partial void StoreNotReached(this ILogger log, string cause);

    [LoggerMessage(4010, LogLevel.Warning, "Lease {Lease} of task {Task} was redeemed a second time by {Caller}; {Revoked} outstanding leases of the task are revoked.")]
    public static partial void LeaseReplayed(this ILogger log, Guid lease, Guid task, string caller, int revoked);

    [LoggerMessage(4011, LogLevel.Warning, "The lease store was emptied by a crash of its server; a new generation begins.")]
    public static partial void GenerationLost(this ILogger log);

    [LoggerMessage(4012, LogLevel.Information, "Redemption refused: {Reason}.")]
    public static partial void RedemptionRefused(this ILogger log, Errors.V1.Reason reason);

    [LoggerMessage(4013, LogLevel.Warning, "Old leases could not be swept ({Cause}); tried again later.")]
    public static partial void SweepFailed(this ILogger log, string cause);

    [LoggerMessage(4020, LogLevel.Information, "Secret {Tenant}/{Name} has version {Version}, put by {Actor}.")]
    public static partial void SecretPut(this ILogger log, string tenant, string name, long version, string actor);

    [LoggerMessage(4021, LogLevel.Error, "Secret {Tenant}/{Name} version {Version} did not open: its row was changed or moved.")]
    public static partial void SecretBroken(this ILogger log, string tenant, string name, long version);

    [LoggerMessage(4030, LogLevel.Information, "Took {Count} manifests from {Actor}.")]
    public static partial void ManifestsTaken(this ILogger log, int count, string actor);
}
