using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Vault.Leases;

/// <summary>What a tool runner shows in exchange for a credential. All of it is a claim, except the caller.</summary>
internal sealed record RedeemRequest(
    SpiffeId Caller,
    OpaqueToken Lease,
    ReadOnlyMemory<byte> Decision,
    ReadOnlyMemory<byte> Receipt,
    ActionDigest Action,
    int Dispatch,
    TicketPurpose Purpose,
    RunnerProcess Runner);
