using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>What was redeemed in a scope before its fence stood. <paramref name="Lost"/>: something may have been, and nobody knows.</summary>
internal sealed record Fenced(IReadOnlyList<PastRedemption> Redemptions, bool Lost);

/// <summary>A redemption that the vault remembers, and the process that can say what came of it.</summary>
internal sealed record PastRedemption(
    ActionDigest Action,
    int Dispatch,
    string RunnerInstance,
    string RunnerAddress,
    DateTimeOffset RedeemedAt,
    Guid LeaseId,
    DateTimeOffset IssuedAt,
    string ReceiptOrigin,
    long ReceiptIndex);
