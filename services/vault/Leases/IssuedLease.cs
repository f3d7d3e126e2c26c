using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>A lease as the orchestrator gets it: the only time that the token is seen in clear.</summary>
internal sealed record IssuedLease(OpaqueToken Token, Guid Id, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);
