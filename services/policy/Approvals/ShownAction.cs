using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.Policy.Approvals;

/// <summary>What approvers are shown: computed by policy from what it evaluated, never written by a model.</summary>
internal sealed record ShownAction
{
    public required string Description { get; init; }

    /// <summary>The target's base URL; empty for a tool without one.</summary>
    public required string Target { get; init; }

    public required ImmutableArray<string> Classes { get; init; }

    /// <summary>Canonical JSON: exactly what would be sent.</summary>
    public required byte[] Arguments { get; init; }

    /// <summary>Canonical JSON that also names the action, so that its digest says what was shown for which action.</summary>
    public byte[] ToCanonical(ActionDigest action, string tenant, string tool, string initiator)
    {
        using var buffer = new MemoryStream();

        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("action_digest", action.ToString());
            json.WritePropertyName("arguments");
            json.WriteRawValue(Arguments);
            json.WriteStartArray("classes");

            foreach (var word in Classes)
            {
                json.WriteStringValue(word);
            }

            json.WriteEndArray();
            json.WriteString("description", Description);
            json.WriteString("initiator", initiator);
            json.WriteString("target", Target);
            json.WriteString("tenant", tenant);
            json.WriteString("tool", tool);
            json.WriteEndObject();
        }

        return CanonicalJson.Canonicalize(buffer.ToArray());
    }

    /// <summary>Reads what <see cref="ToCanonical"/> wrote.</summary>
    public static ShownAction Read(byte[] canonical)
    {
        var json = JsonElement.Parse(canonical);
        return new ShownAction
        {
            Description = json.GetProperty("description").GetString()!,
            Target = json.GetProperty("target").GetString()!,
            Classes = [.. json.GetProperty("classes").EnumerateArray().Select(word => word.GetString()!)],
            Arguments = CanonicalJson.Canonicalize(System.Text.Encoding.UTF8.GetBytes(json.GetProperty("arguments").GetRawText())),
        };
    }
}
