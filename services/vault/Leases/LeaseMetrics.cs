using System.Diagnostics.Metrics;
using Mesh.ServiceHost;
using Mesh.Vault.Seal;

namespace Mesh.Vault.Leases;

/// <summary>Counts leases, and shows whether the vault can hand out any.</summary>
internal sealed class LeaseMetrics
{
    private readonly Counter<long> issued;
    private readonly Counter<long> redeemed;

    public LeaseMetrics(VaultSeal seal, IMeterFactory meters)
    {
        var meter = meters.Create(MeshSemantics.Meter);
        issued = meter.CreateCounter<long>("mesh.lease.issued", "{lease}", "Leases that were issued.");
        redeemed = meter.CreateCounter<long>("mesh.lease.redeemed", "{lease}", "Leases that were redeemed, each once.");
        meter.CreateObservableGauge("mesh.vault.sealed", () => seal.TryGetKeys(out _) ? 0 : 1, description: "1 while the vault is sealed and hands out nothing, else 0.");
    }

    public void Issued() => issued.Add(1);

    public void Redeemed() => redeemed.Add(1);
}
