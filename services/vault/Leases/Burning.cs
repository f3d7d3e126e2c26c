using Mesh.Integrity;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Leases;

/// <summary>All that is needed to burn a lease. By now every ticket was verified.</summary>
internal sealed record Burning(
    Hash256 TokenMac,
    LeaseTerms Terms,
    string Redeemer,
    ReceiptTicket Receipt,
    Guid DecisionId,
    RunnerProcess Runner,
    string? Integration,
    SecretName? Secret);
