using Mesh.Errors.V1;
using Mesh.Vault.Seal;

namespace Mesh.Vault.Leases;

/// <summary>What came of burning a lease.</summary>
internal abstract record BurnOutcome
{
    /// <summary>It is used up from now on, whatever comes next.</summary>
    internal sealed record Burnt(Guid LeaseId, DateTimeOffset RedeemedAt, SealedSecret? Secret) : BurnOutcome;

    /// <summary>It was redeemed before: by a fault or a thief, and nobody can tell which.</summary>
    internal sealed record UsedBefore(Guid LeaseId, string Tenant, Guid Task) : BurnOutcome;

    /// <summary>Nothing changed.</summary>
    internal sealed record Refused(Reason Reason) : BurnOutcome;
}
