using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Cli.Keys;

/// <summary>The file <c>trust.json</c>: the domain and the public keys that every service verifies tickets with.</summary>
internal sealed record TrustFile(
    [property: JsonPropertyName("domain")] string Domain,
    [property: JsonPropertyName("keys")] ImmutableArray<TrustedKey> Keys)
{
    public static TrustFile Read(string path) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(path), TrustFileJson.Default.TrustFile)
        ?? throw new JsonException($"{path} holds no JSON object.");

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, TrustFileJson.Default.TrustFile);
}

/// <summary>How <see cref="TrustFile"/> is written, generated at build time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(TrustFile))]
internal sealed partial class TrustFileJson : JsonSerializerContext;
