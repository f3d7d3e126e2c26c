using System.Collections;
using System.Collections.Immutable;
using Google.Protobuf;

namespace Mesh.ServiceHost;

/// <summary>Texts of a request that PostgreSQL cannot keep: those with U+0000. Looked for only once it has refused one.</summary>
internal static class UnstorableText
{
    /// <summary>The fields of a request that hold one.</summary>
    public static ImmutableArray<FieldError> FieldsOf(IMessage request) =>
        [.. In(request, "").Select(path => new FieldError(path, "must not hold U+0000"))];

    private static IEnumerable<string> In(IMessage message, string path) => message.Descriptor.Fields.InFieldNumberOrder()
        .SelectMany(field => In(field.Accessor.GetValue(message), path.Length == 0 ? field.Name : $"{path}.{field.Name}"));

    private static IEnumerable<string> In(object? value, string path) => value switch
    {
        string text => text.Contains('\0', StringComparison.Ordinal) ? [path] : [],

        // JSON is kept as it was written, where the character is an escape.
        IMessage message when message.Descriptor.File.Package == "google.protobuf" => [],
        IMessage message => In(message, path),
        IDictionary map => map.Keys.Cast<object>().SelectMany(key => In(key, path).Concat(In(map[key], $"{path}.{key}"))),
        IList list => list.Cast<object>().SelectMany((item, place) => In(item, $"{path}[{place}]")),
        _ => [],
    };
}
