namespace Mesh.Policy;

/// <summary>Everything that policy logs: ids 2000 to 2999, never reused. Ids and counts only.</summary>
internal static partial class Log
{
    [LoggerMessage(2001, LogLevel.Warning, "Cannot see whether a policy was replaced ({Failure}); no decision is taken by one that is too old.")]
    public static partial void ActivationsUnknown(this ILogger log, string failure);

    [LoggerMessage(2002, LogLevel.Information, "Applied {Count} manifests of {Tenants} as version {Version}, on behalf of {Principal}.")]
    public static partial void ManifestsApplied(this ILogger log, int count, string tenants, long version, string principal);

    [LoggerMessage(2003, LogLevel.Warning, "A rule of {Tenant} failed to evaluate for {Tool} and counted against the call; decided by {DecidedBy}.")]
    public static partial void RuleFailed(this ILogger log, string tenant, string tool, string decidedBy);

    [LoggerMessage(2010, LogLevel.Information, "Approval {Approval} of {Tenant} was {Decision} by {Person}.")]
    public static partial void ApprovalDecided(this ILogger log, Guid approval, string tenant, string decision, string person);

    [LoggerMessage(2011, LogLevel.Information, "{Count} approvals expired.")]
    public static partial void ApprovalsExpired(this ILogger log, int count);

    [LoggerMessage(2012, LogLevel.Warning, "Upkeep of approvals and counters failed ({Failure}); it is tried again. Approvals also expire when they are used.")]
    public static partial void UpkeepFailed(this ILogger log, string failure);

    [LoggerMessage(2020, LogLevel.Information, "The first principal {Principal} exists, with the token of the bootstrap file.")]
    public static partial void Bootstrapped(this ILogger log, string principal);

    [LoggerMessage(2021, LogLevel.Information, "Access of {Subject} changed: {Change}, by {Actor}.")]
    public static partial void AccessChanged(this ILogger log, string subject, string change, string actor);
}
