namespace Mesh.Vault.Leases;

/// <summary>The process that redeems, and where it can be asked later what came of it.</summary>
internal sealed record RunnerProcess(string Instance, string Address);
