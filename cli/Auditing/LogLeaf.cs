using System.Text.Json;

namespace Mesh.Cli.Auditing;

/// <summary>What a leaf says in clear. Members that a kind does not have are empty.</summary>
internal sealed record LogLeaf(
    string Type,
    string Kind,
    string Tenant,
    string Task,
    string Step,
    string ActionDigest,
    string PayloadSha256,
    string Outcome,
    string Purpose,
    int Dispatch,
    long? AuditIndex)
{
    public bool IsIntent => Type == "intent";

    /// <summary>Null when it is not the JSON of a leaf.</summary>
    public static LogLeaf? Read(ReadOnlyMemory<byte> text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var leaf = json.RootElement;
            return new LogLeaf(
                Text("type"),
                Text("kind"),
                Text("tenant"),
                Text("task"),
                Text("step"),
                Text("action_digest"),
                Text("payload_sha256"),
                Text("outcome"),
                Text("purpose"),
                (int)(Number("dispatch") ?? 0),
                Number("audit_index"));

            string Text(string name) =>
                leaf.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString()! : "";

            long? Number(string name) =>
                leaf.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var value) ? value : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
