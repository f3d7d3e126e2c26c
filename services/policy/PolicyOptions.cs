using Mesh.ServiceHost;

namespace Mesh.Policy;

/// <summary>What policy alone is told from outside.</summary>
internal sealed record PolicyOptions
{
    /// <summary>The file that init wrote the first administrator's token into.</summary>
    [Option("bootstrap-token-file", "File with the first administrator's mesh_ token; read at every start, and changes nothing once the token is known.")]
    public string? BootstrapTokenFile { get; init; }
}
