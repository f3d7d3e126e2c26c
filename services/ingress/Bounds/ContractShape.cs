using System.Text.Json;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Bounds;

/// <summary>Compares a JSON body with the message that it is to become.</summary>
/// <remarks>
/// The transcoders behind it drop members that they do not know, let the last win of a field that comes in both of its
/// spellings, and name no field when a type is wrong. Values are not copied: some of them are secrets.
/// </remarks>
internal static class ContractShape
{
    /// <summary>The first member that does not fit, or null.</summary>
    /// <param name="json">Checked before: it is JSON, not too deep, and no key is there twice.</param>
    /// <param name="type">The message.</param>
    public static FieldError? FirstMisfit(ReadOnlySpan<byte> json, MessageDescriptor type)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return InMessage(ref reader, type, "");
    }

    private static FieldError? InMessage(ref Utf8JsonReader reader, MessageDescriptor type, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return new FieldError(path.Length == 0 ? "body" : path, "must be an object");
        }

        var seen = new HashSet<int>();

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var place = path.Length == 0 ? name : $"{path}.{name}";

            if (type.Fields.InDeclarationOrder().FirstOrDefault(field => field.JsonName == name || field.Name == name) is not { } found)
            {
                return new FieldError(place, "is no field of this request");
            }

            if (!seen.Add(found.FieldNumber))
            {
                return new FieldError(place, "is there twice, in two spellings");
            }

            reader.Read();

            if (InField(ref reader, found, place) is { } misfit)
            {
                return misfit;
            }
        }

        return null;
    }

    private static FieldError? InField(ref Utf8JsonReader reader, FieldDescriptor field, string place)
    {
        switch (field)
        {
            case { IsMap: true }:
                var isObject = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.Null;
                reader.Skip();
                return isObject ? null : new FieldError(place, "must be an object");

            case { IsRepeated: false }:
                return InValue(ref reader, field, place);

            case var _ when reader.TokenType == JsonTokenType.Null:
                return null;

            case var _ when reader.TokenType != JsonTokenType.StartArray:
                return new FieldError(place, "must be an array");
        }

        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (InValue(ref reader, field, $"{place}[{index}]") is { } misfit)
            {
                return misfit;
            }
        }

        return null;
    }

    private static FieldError? InValue(ref Utf8JsonReader reader, FieldDescriptor field, string place)
    {
        // Null is how JSON writes a field that is not there, and a value of its own where any is welcome.
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (field.FieldType == FieldType.Message && field.MessageType.File.Package != "google.protobuf")
        {
            return InMessage(ref reader, field.MessageType, place);
        }

        var misfit = Wanted(reader.TokenType, field) is { } wanted ? new FieldError(place, $"must be {wanted}") : null;

        if (misfit is null && field.FieldType == FieldType.Enum && reader.TokenType == JsonTokenType.String && field.EnumType.FindValueByName(reader.GetString()!) is null)
        {
            misfit = new FieldError(place, $"must be one of {string.Join(", ", field.EnumType.Values.Select(value => value.Name))}");
        }

        reader.Skip();
        return misfit;
    }

    // What the field wants, when it is not this.
    private static string? Wanted(JsonTokenType given, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message when field.MessageType == Struct.Descriptor => given == JsonTokenType.StartObject ? null : "an object",
        FieldType.Message when field.MessageType == Timestamp.Descriptor => given == JsonTokenType.String ? null : "a time, such as \"2030-01-31T00:00:00Z\"",
        FieldType.Message when field.MessageType == Duration.Descriptor => given == JsonTokenType.String ? null : "a duration, such as \"30s\"",
        FieldType.Message => null,
        FieldType.String => given == JsonTokenType.String ? null : "a string",
        FieldType.Bytes => given == JsonTokenType.String ? null : "a string of base64",
        FieldType.Bool => given is JsonTokenType.True or JsonTokenType.False ? null : "true or false",
        FieldType.Enum => given is JsonTokenType.String or JsonTokenType.Number ? null : "a name",
        _ => given is JsonTokenType.Number or JsonTokenType.String ? null : "a number",
    };
}
