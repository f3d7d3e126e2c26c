namespace Mesh.Vault.Leases;

/// <summary>Where a lease stands. The only moves are from the first to one of the others.</summary>
internal enum LeaseState : short
{
    Issued = 0,
    Redeemed = 1,
    Revoked = 2,
}
