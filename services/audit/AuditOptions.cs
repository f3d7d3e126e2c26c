using Mesh.ServiceHost;

namespace Mesh.Audit;

/// <summary>What can be chosen about the audit service.</summary>
public sealed record AuditOptions
{
    /// <summary>Where the newest checkpoints are kept outside the database.</summary>
    [Option("audit-anchor", "Folder, on another disk than the database, for the newest signed checkpoints; with it, a log that was restored from an older backup is recognised and nothing more is signed for it.")]
    public string? Anchor { get; init; }
}
