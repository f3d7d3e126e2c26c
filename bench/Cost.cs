namespace Mesh.Bench;

/// <summary>What work cost a mesh: processor time, memory that services allocated, and what PostgreSQL wrote ahead.</summary>
internal sealed record Cost(Usage CpuMs, Usage AllocatedKiB, double Commits, double WalKiB)
{
    public Cost Plus(Cost more) => new(CpuMs.Plus(more.CpuMs), AllocatedKiB.Plus(more.AllocatedKiB), Commits + more.Commits, WalKiB + more.WalKiB);

    /// <summary>The share of one of so many.</summary>
    public Cost Per(double count) => new(CpuMs.Per(count), AllocatedKiB.Per(count), Commits / count, WalKiB / count);
}
