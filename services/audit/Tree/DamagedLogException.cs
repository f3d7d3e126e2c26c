namespace Mesh.Audit.Tree;

/// <summary>What is stored contradicts what was signed. Nothing more is signed for this log until a person has looked.</summary>
internal sealed class DamagedLogException(string tenant, string contradiction)
    : Exception($"The log of {tenant} is damaged: {contradiction}.");
