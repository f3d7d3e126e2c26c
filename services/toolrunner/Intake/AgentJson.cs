using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Intake;

/// <summary>JSON of the agent protocol: <c>google.protobuf.Value</c> towards agents, canonical bytes towards the orchestrator.</summary>
internal static class AgentJson
{
    /// <summary>Canonical bytes of what an agent sent; refuses what has no canonical form.</summary>
    public static ByteString Read(string field, Value? value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });

        if (!TryWrite(writer, value ?? Value.ForNull(), CanonicalJson.DepthMax + 1))
        {
            throw Refused(field, "it is nested too deep, or holds a number that is none");
        }

        writer.Flush();
        return CanonicalJson.TryCanonicalize(buffer.WrittenSpan, out var canonical, out var refusal)
            ? UnsafeByteOperations.UnsafeWrap(canonical)
            : throw Refused(field, refusal.ToString(), refusal.Path);
    }

    /// <summary>What an agent receives. A number that a double cannot hold becomes a string of its digits.</summary>
    public static Value Write(ByteString json)
    {
        if (json.IsEmpty)
        {
            return Value.ForNull();
        }

        var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = CanonicalJson.DepthMax + 1 });
        reader.Read();
        return Write(ref reader);
    }

    private static Value Write(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var members = new Struct();

                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    reader.Read();
                    members.Fields[name] = Write(ref reader);
                }

                return Value.ForStruct(members);

            case JsonTokenType.StartArray:
                var items = new ListValue();

                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    items.Values.Add(Write(ref reader));
                }

                return new Value { ListValue = items };

            case JsonTokenType.String:
                return Value.ForString(reader.GetString()!);
            case JsonTokenType.Number:
                return ExactNumbers.IsExact(reader.ValueSpan)
                    ? Value.ForNumber(double.Parse(reader.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture))
                    : Value.ForString(Encoding.ASCII.GetString(reader.ValueSpan));
            case JsonTokenType.True or JsonTokenType.False:
                return Value.ForBool(reader.GetBoolean());
            default:
                return Value.ForNull();
        }
    }

    private static bool TryWrite(Utf8JsonWriter writer, Value value, int depthLeft)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StructValue when depthLeft > 0:
                writer.WriteStartObject();

                foreach (var (name, member) in value.StructValue.Fields)
                {
                    writer.WritePropertyName(name);

                    if (!TryWrite(writer, member, depthLeft - 1))
                    {
                        return false;
                    }
                }

                writer.WriteEndObject();
                return true;

            case Value.KindOneofCase.ListValue when depthLeft > 0:
                writer.WriteStartArray();

                foreach (var item in value.ListValue.Values)
                {
                    if (!TryWrite(writer, item, depthLeft - 1))
                    {
                        return false;
                    }
                }

                writer.WriteEndArray();
                return true;

            case Value.KindOneofCase.StringValue:
                writer.WriteStringValue(value.StringValue);
                return true;
            case Value.KindOneofCase.NumberValue when double.IsFinite(value.NumberValue):
                writer.WriteNumberValue(value.NumberValue);
                return true;
            case Value.KindOneofCase.BoolValue:
                writer.WriteBooleanValue(value.BoolValue);
                return true;
            case Value.KindOneofCase.NullValue or Value.KindOneofCase.None:
                writer.WriteNullValue();
                return true;
            default:
                return false;
        }
    }

    private static RefusalException Refused(string field, string why, string path = "") =>
        new MeshError(Grpc.Core.StatusCode.InvalidArgument, Reason.JsonRefused, $"{field} is refused: {why}.").With("path", path).AsException();
}
