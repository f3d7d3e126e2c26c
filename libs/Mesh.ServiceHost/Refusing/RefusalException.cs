namespace Mesh.ServiceHost;

/// <summary>Carries a <see cref="MeshError"/> out of a gRPC method. For the edge only: inside a service, outcomes are values.</summary>
public sealed class RefusalException(MeshError error) : Exception(error.Message)
{
    /// <summary>What the caller is told.</summary>
    public MeshError Error { get; } = error;
}
