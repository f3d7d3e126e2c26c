using System.Text.Json;

namespace Mesh.Manifests.Source;

/// <summary>Turns nodes into JSON and back.</summary>
internal static class JsonSource
{
    public static byte[] Write(Node node)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();

        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, node);
        }

        return buffer.WrittenSpan.ToArray();
    }

    public static JsonElement ToElement(Node node) => JsonElement.Parse(Write(node));

    /// <summary>Reads JSON whose keys are known to be unique.</summary>
    public static Node Read(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => new MapNode([.. json.EnumerateObject().Select(p => new MapEntry(p.Name, 0, 0, Read(p.Value)))], 0, 0),
        JsonValueKind.Array => new ListNode([.. json.EnumerateArray().Select(Read)], 0, 0),
        JsonValueKind.String => new TextNode(json.GetString()!, 0, 0),
        JsonValueKind.Number when json.TryGetInt64(out var whole) => new WholeNode(whole, 0, 0),
        JsonValueKind.Number => new FractionNode(json.GetDouble(), 0, 0),
        JsonValueKind.True or JsonValueKind.False => new FlagNode(json.GetBoolean(), 0, 0),
        _ => new NullNode(0, 0),
    };

    private static void Write(Utf8JsonWriter writer, Node node)
    {
        switch (node)
        {
            case MapNode map:
                writer.WriteStartObject();

                foreach (var entry in map.Entries)
                {
                    writer.WritePropertyName(entry.Name);
                    Write(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;

            case ListNode list:
                writer.WriteStartArray();

                foreach (var item in list.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;

            case TextNode text:
                writer.WriteStringValue(text.Value);
                break;

            case WholeNode whole:
                writer.WriteNumberValue(whole.Value);
                break;

            case FractionNode fraction:
                writer.WriteNumberValue(fraction.Value);
                break;

            case FlagNode flag:
                writer.WriteBooleanValue(flag.Value);
                break;

            default:
                writer.WriteNullValue();
                break;
        }
    }
}
