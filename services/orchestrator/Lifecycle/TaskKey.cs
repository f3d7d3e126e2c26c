namespace Mesh.Orchestrator.Lifecycle;

/// <summary>Names one task. Ids are unique for ever, but nothing is ever looked up without its tenant.</summary>
internal readonly record struct TaskKey(string Tenant, Guid Id)
{
    public override string ToString() => $"{Tenant}/{Id:D}";
}
