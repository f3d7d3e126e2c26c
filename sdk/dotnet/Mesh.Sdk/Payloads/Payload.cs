using System.Buffers;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Mesh.Integrity;

namespace Mesh.Payloads;

/// <summary>A handler's objects as the values of the protocol, both ways; what would be changed on the way is refused.</summary>
internal static class Payload
{
    private const int BytesMax = 256 * 1024;

    public static Value Write(object? value, System.Type type, JsonSerializerOptions json, string what)
    {
        var utf8 = JsonSerializer.SerializeToUtf8Bytes(value, type, json);

        if (CanonicalJson.Check(utf8, BytesMax) is { } refusal)
        {
            throw Refused(what, refusal);
        }

        using var document = JsonDocument.Parse(utf8);

        return ValueOf(document.RootElement);
    }

    public static T Read<T>(Value? value, JsonSerializerOptions json, string what)
    {
        var buffer = new ArrayBufferWriter<byte>();

        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, value);
        }

        try
        {
            return JsonSerializer.Deserialize<T>(buffer.WrittenSpan, json)!;
        }
        catch (JsonException e)
        {
            throw new PayloadRefusedException(
                "SCHEMA_MISMATCH", e.Path ?? "", $"{what} cannot be read as {typeof(T).Name}: {e.Message}", e);
        }
    }

    private static PayloadRefusedException Refused(string what, JsonRefusal refusal) => refusal.Reason switch
    {
        JsonRefusalReason.NumberNotExact => new PayloadRefusedException(
            "JSON_REFUSED",
            refusal.Path,
            $"{what} cannot be sent: the number at {(refusal.Path.Length > 0 ? refusal.Path : "the top")} would change when read as a double; send it as a string."),
        JsonRefusalReason.TooLarge => new PayloadRefusedException(
            "PAYLOAD_TOO_LARGE", "", $"{what} cannot be sent: it is larger than {BytesMax} bytes as JSON."),
        _ => new PayloadRefusedException("JSON_REFUSED", refusal.Path, $"{what} cannot be sent: {refusal}."),
    };

    private static Value ValueOf(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new Struct();

                foreach (var member in element.EnumerateObject())
                {
                    members.Fields[member.Name] = ValueOf(member.Value);
                }

                return Value.ForStruct(members);

            case JsonValueKind.Array:
                return Value.ForList([.. element.EnumerateArray().Select(ValueOf)]);

            case JsonValueKind.String:
                return Value.ForString(element.GetString()!);

            case JsonValueKind.Number:
                return Value.ForNumber(element.GetDouble());

            case JsonValueKind.True or JsonValueKind.False:
                return Value.ForBool(element.GetBoolean());

            default:
                return Value.ForNull();
        }
    }

    private static void Write(Utf8JsonWriter writer, Value? value)
    {
        switch (value?.KindCase)
        {
            case Value.KindOneofCase.StructValue:
                writer.WriteStartObject();

                foreach (var (name, member) in value.StructValue.Fields)
                {
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }

                writer.WriteEndObject();
                break;

            case Value.KindOneofCase.ListValue:
                writer.WriteStartArray();

                foreach (var item in value.ListValue.Values)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;

            case Value.KindOneofCase.StringValue:
                writer.WriteStringValue(value.StringValue);
                break;

            // As digits: a long cannot be read from the 1E+16 that a double is written as.
            case Value.KindOneofCase.NumberValue when double.IsInteger(value.NumberValue) && Math.Abs(value.NumberValue) < 9e18:
                writer.WriteNumberValue((long)value.NumberValue);
                break;

            case Value.KindOneofCase.NumberValue:
                writer.WriteNumberValue(value.NumberValue);
                break;

            case Value.KindOneofCase.BoolValue:
                writer.WriteBooleanValue(value.BoolValue);
                break;

            default:
                writer.WriteNullValue();
                break;
        }
    }
}
