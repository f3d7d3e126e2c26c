using System.Text.Json.Serialization;

namespace Mesh.Cli.Keys;

/// <summary>A public key that services verify tickets with, and when it counts.</summary>
internal sealed record TrustedKey(
    [property: JsonPropertyName("use")] string Use,
    [property: JsonPropertyName("vkey")] string VerifierKey,
    [property: JsonPropertyName("not_before")] DateTimeOffset NotBefore,
    [property: JsonPropertyName("not_after")] DateTimeOffset NotAfter);
