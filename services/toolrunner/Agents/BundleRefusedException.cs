namespace Mesh.Toolrunner.Agents;

/// <summary>A bundle that is not run.</summary>
internal sealed class BundleRefusedException(string why) : Exception($"The bundle is refused: {why}.");
