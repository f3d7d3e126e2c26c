using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>JSON as the bytes of the journal and as the <see cref="Value"/> of the public API, both ways.</summary>
internal static class JsonValues
{
    /// <summary>Numbers that a double cannot hold become strings of their digits: nothing is rounded.</summary>
    public static Value Read(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return Value.ForNull();
        }

        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 512 });

        return Read(document.RootElement);
    }

    /// <summary>Canonical bytes of what a caller sent.</summary>
    /// <exception cref="RefusalException">It cannot be canonical, or is above the limit.</exception>
    public static byte[] Write(Value? value, string field)
    {
        using var stream = new MemoryStream();

        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { MaxDepth = 512 }))
        {
            Write(writer, value ?? Value.ForNull());
        }

        return CanonicalJson.TryCanonicalize(stream.ToArray(), out var canonical, out var refusal, Wire.PayloadBytesMax)
            ? canonical
            : throw Wire.JsonRefused(refusal!, field).AsException();
    }

    private static Value Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new Struct();

                foreach (var member in element.EnumerateObject())
                {
                    members.Fields[member.Name] = Read(member.Value);
                }

                return Value.ForStruct(members);

            case JsonValueKind.Array:
                return Value.ForList([.. element.EnumerateArray().Select(Read)]);

            case JsonValueKind.Number:
                return CanonicalJson.Check(Encoding.UTF8.GetBytes(element.GetRawText())) is null
                    ? Value.ForNumber(element.GetDouble())
                    : Value.ForString(element.GetRawText());

            case JsonValueKind.String:
                return Value.ForString(element.GetString());

            case JsonValueKind.True or JsonValueKind.False:
                return Value.ForBool(element.GetBoolean());

            default:
                return Value.ForNull();
        }
    }

    private static void Write(Utf8JsonWriter writer, Value value)
    {
        switch (value.KindCase)
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

            case Value.KindOneofCase.NumberValue when !double.IsFinite(value.NumberValue):
                throw Refusals.Refused(Grpc.Core.StatusCode.InvalidArgument, Reason.JsonRefused, "JSON has no infinity and no NaN.");

            case Value.KindOneofCase.NumberValue:
                writer.WriteNumberValue(value.NumberValue);
                break;

            case Value.KindOneofCase.StringValue:
                writer.WriteStringValue(value.StringValue);
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
