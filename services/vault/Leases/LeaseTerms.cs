using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>The one dispatch of one action that a lease, a decision and a receipt are for.</summary>
internal sealed record LeaseTerms(string Tenant, string Workflow, Guid Task, ActionDigest Action, int Dispatch, long Epoch);
