using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>What a fence covers.</summary>
internal abstract record FenceScope(string Tenant, Guid Task)
{
    /// <summary>All tickets of a task with an epoch below <paramref name="Epoch"/>.</summary>
    internal sealed record OfTask(string Tenant, Guid Task, long Epoch) : FenceScope(Tenant, Task);

    /// <summary>One dispatch, whatever its epoch.</summary>
    internal sealed record OfDispatch(string Tenant, Guid Task, ActionDigest Action, int Dispatch) : FenceScope(Tenant, Task);
}
