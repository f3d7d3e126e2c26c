using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Vault.Definitions;

namespace Mesh.Vault.Leases;

/// <summary>What came of a redemption.</summary>
internal abstract record RedeemOutcome
{
    /// <summary>Whoever takes it disposes of the credential, which is null for a tool without a secret.</summary>
    internal sealed record Redeemed(Guid LeaseId, DateTimeOffset At, Grant Grant, SecretBytes? Credential, long SecretVersion) : RedeemOutcome;

    /// <summary>No credential, and the lease is as it was before.</summary>
    internal sealed record Refused(Reason Reason) : RedeemOutcome;
}
