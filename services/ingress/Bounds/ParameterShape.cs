using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mesh.Ingress.Forwarding;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Bounds;

/// <summary>Compares the variables of a path and the parameters of a query with the message that they are to become.</summary>
/// <remarks>
/// The transcoders behind it drop parameters that they do not know, so that a filter with a typing error would let everything pass;
/// and where a value is of a wrong type they name no field. Values are not copied: some of them are secrets.
/// </remarks>
internal static class ParameterShape
{
    /// <summary>The first that does not fit, or null.</summary>
    public static FieldError? FirstMisfit(HttpRequest request, Destination.Method method) =>
        method.Json is { } page ? InPath(request, method.Input, page) ?? InQuery(request, method.Input, page) : null;

    private static FieldError? InPath(HttpRequest request, MessageDescriptor input, Destination.Page page) => page.Path.Read(request.Path.Value ?? "")
        .Select(each => Misfit(input.FindFieldByName(each.Variable), each.Value, each.Variable))
        .FirstOrDefault(misfit => misfit is not null);

    private static FieldError? InQuery(HttpRequest request, MessageDescriptor input, Destination.Page page)
    {
        FieldDescriptor[] parameters = page.TakesBody ? [] : [.. input.Fields.InDeclarationOrder().Where(field => !page.Path.Variables.Contains(field.Name))];
        var seen = new HashSet<int>();

        foreach (var (name, values) in request.Query)
        {
            if (Array.Find(parameters, field => field.JsonName == name || field.Name == name) is not { } found)
            {
                return new FieldError(name, $"is no parameter of this request; {Offer(parameters, page)}");
            }

            if (!seen.Add(found.FieldNumber) || (values.Count > 1 && !found.IsRepeated))
            {
                return new FieldError(name, "is there twice");
            }

            if (values.Select(value => Misfit(found, value ?? "", name)).FirstOrDefault(misfit => misfit is not null) is { } misfit)
            {
                return misfit;
            }
        }

        return null;
    }

    private static string Offer(FieldDescriptor[] parameters, Destination.Page page) =>
        page.TakesBody ? "its fields belong into the body"
        : parameters.Length == 0 ? "it takes none"
        : $"it takes {string.Join(", ", parameters.Select(field => field.Name))}";

    private static FieldError? Misfit(FieldDescriptor field, string value, string place) => Wanted(field, value) is { } wanted ? new FieldError(place, $"must be {wanted}") : null;

    // What the field wants, when it is not this.
    private static string? Wanted(FieldDescriptor field, string value) => field.FieldType switch
    {
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) ? null : $"a whole number up to {int.MaxValue}",
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) ? null : $"a whole number up to {long.MaxValue}",
        FieldType.UInt32 or FieldType.Fixed32 => uint.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) ? null : $"a whole number from 0 to {uint.MaxValue}",
        FieldType.UInt64 or FieldType.Fixed64 => ulong.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) ? null : $"a whole number from 0 to {ulong.MaxValue}",
        FieldType.Float or FieldType.Double => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? null : "a number",
        FieldType.Bool => bool.TryParse(value, out _) ? null : "true or false",
        FieldType.Enum => field.EnumType.FindValueByName(value) is not null ? null : $"one of {string.Join(", ", field.EnumType.Values.Select(each => each.Name))}",
        FieldType.Message when field.MessageType == Duration.Descriptor => Reads<Duration>(value) ? null : "a duration, such as 30s",
        FieldType.Message when field.MessageType == Timestamp.Descriptor => Reads<Timestamp>(value) ? null : "a time, such as 2030-01-31T00:00:00Z",
        _ => null,
    };

    private static bool Reads<T>(string value)
        where T : IMessage, new()
    {
        try
        {
            JsonParser.Default.Parse<T>(JsonSerializer.Serialize(value));
            return true;
        }
        catch (Exception unread) when (unread is InvalidProtocolBufferException or InvalidJsonException)
        {
            return false;
        }
    }
}
