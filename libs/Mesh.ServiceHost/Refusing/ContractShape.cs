using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Mesh.ServiceHost;

/// <summary>Compares a JSON body with the message that it is to become.</summary>
/// <remarks>
/// The transcoders behind it drop members that they do not know, let the last win of a field that comes in both of its
/// spellings, and name no field when a type is wrong. What is inside of <c>google.protobuf.Value</c> and <c>Struct</c> is the
/// caller's own and is not looked at. Texts and bytes are not copied: some of them are secrets.
/// </remarks>
public static partial class ContractShape
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
        var chosen = new HashSet<int>();

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

            if (reader.TokenType != JsonTokenType.Null && found.RealContainingOneof is { } choice && !chosen.Add(choice.Index))
            {
                return new FieldError(place, $"must be the only one of {string.Join(", ", choice.Fields.Select(field => field.Name))}");
            }

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
                return InMap(ref reader, field, place);

            case { IsRepeated: false }:
                return InValue(ref reader, field, place);

            case var _ when reader.TokenType == JsonTokenType.Null:
                return null;

            case var _ when reader.TokenType != JsonTokenType.StartArray:
                return new FieldError(place, "must be an array");
        }

        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (InItem(ref reader, field, $"{place}[{index}]") is { } misfit)
            {
                return misfit;
            }
        }

        return null;
    }

    private static FieldError? InMap(ref Utf8JsonReader reader, FieldDescriptor field, string place)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return new FieldError(place, "must be an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = $"{place}.{reader.GetString()}";
            reader.Read();

            if (InItem(ref reader, field.MessageType.FindFieldByNumber(2), member) is { } misfit)
            {
                return misfit;
            }
        }

        return null;
    }

    // Of a list or a map: there, a field that is not there cannot be.
    private static FieldError? InItem(ref Utf8JsonReader reader, FieldDescriptor field, string place) =>
        reader.TokenType == JsonTokenType.Null && !(field.FieldType == FieldType.Message && field.MessageType == Value.Descriptor)
            ? new FieldError(place, "must not be null")
            : InValue(ref reader, field, place);

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

        var misfit = Wanted(ref reader, field) is { } wanted ? new FieldError(place, $"must be {wanted}") : null;
        reader.Skip();
        return misfit;
    }

    // What the field wants, when it is not this.
    private static string? Wanted(ref Utf8JsonReader reader, FieldDescriptor field)
    {
        var given = reader.TokenType;
        var (wanted, isThis) = field.FieldType switch
        {
            FieldType.Message when field.MessageType == Struct.Descriptor => ("an object", given == JsonTokenType.StartObject),
            FieldType.Message when field.MessageType == ListValue.Descriptor => ("an array", given == JsonTokenType.StartArray),
            FieldType.Message when field.MessageType == Timestamp.Descriptor => ("a time, such as \"2030-01-31T00:00:00Z\"", given == JsonTokenType.String && IsTime(reader.GetString()!)),
            FieldType.Message when field.MessageType == Duration.Descriptor => ("a duration, such as \"30s\"", given == JsonTokenType.String && IsDuration(reader.GetString()!)),
            FieldType.Message => ("", true),
            FieldType.String => ("a string", given == JsonTokenType.String),
            FieldType.Bytes => ("a string of base64", given == JsonTokenType.String),
            FieldType.Bool => ("true or false", given is JsonTokenType.True or JsonTokenType.False),
            FieldType.Enum when given == JsonTokenType.String => ($"one of {string.Join(", ", field.EnumType.Values.Select(value => value.Name))}", field.EnumType.FindValueByName(reader.GetString()!) is not null),
            FieldType.Enum => ("a name", given == JsonTokenType.Number),
            FieldType.Double or FieldType.Float => ("a number", given is JsonTokenType.Number or JsonTokenType.String),
            FieldType.UInt32 or FieldType.Fixed32 => ("a whole number from 0 to 4294967295", IsWhole(ref reader, uint.MinValue, uint.MaxValue)),
            FieldType.UInt64 or FieldType.Fixed64 => ("a whole number from 0 to 18446744073709551615", IsWhole(ref reader, ulong.MinValue, ulong.MaxValue)),
            FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => ("a whole number of 64 bits", IsWhole(ref reader, long.MinValue, long.MaxValue)),
            _ => ("a whole number of 32 bits", IsWhole(ref reader, int.MinValue, int.MaxValue)),
        };
        return isThis ? null : wanted;
    }

    // Digits, or a string of them: numbers of 64 bits are written so.
    private static bool IsWhole(ref Utf8JsonReader reader, Int128 min, Int128 max) =>
        reader.TokenType switch
        {
            JsonTokenType.Number => Int128.TryParse(reader.ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max,
            JsonTokenType.String => Int128.TryParse(reader.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max,
            _ => false,
        };

    // What is behind reads neither a fraction below zero nor the longest duration of the contract, ten thousand years.
    private static bool IsDuration(string text) =>
        DurationText().Match(text) is { Success: true } match && long.Parse(match.Groups["seconds"].ValueSpan, CultureInfo.InvariantCulture) < 315_576_000_000;

    private static bool IsTime(string text)
    {
        try
        {
            Timestamp.Parser.ParseJson($"\"{JsonEncodedText.Encode(text)}\"");
            return true;
        }
        catch (Exception refusal) when (refusal is InvalidProtocolBufferException or InvalidJsonException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^(-?(?<seconds>0|[1-9][0-9]{0,11})|(?<seconds>0|[1-9][0-9]{0,11})\.[0-9]{1,9})s\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex DurationText();
}
