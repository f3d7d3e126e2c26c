using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Compose.Tests.Files;

/// <summary>A compose file as an engine would read it: anchors and merge keys resolved, variables at their defaults.</summary>
public sealed class ComposeFile
{
    private ComposeFile(Dictionary<object, object?> root) => Root = root;

    public Dictionary<object, object?> Root { get; }

    public IReadOnlyDictionary<string, Dictionary<object, object?>> Services => Maps("services");

    public IReadOnlyDictionary<string, Dictionary<object, object?>> Networks => Maps("networks");

    public static ComposeFile Read(string name)
    {
        using var text = new StringReader(File.ReadAllText(Path.Combine(Mesh.TestKit.Repository.Root, "compose", name)));
        var root = new DeserializerBuilder().Build().Deserialize<Dictionary<object, object?>>(new MergingParser(new Parser(text)));
        return new ComposeFile(root);
    }

    /// <summary>A list of texts, whichever of the forms of a list the file uses.</summary>
    public static IReadOnlyList<string> Texts(Dictionary<object, object?> service, string key) => service.GetValueOrDefault(key) switch
    {
        null => [],
        string one => [one],
        List<object?> several => [.. several.Select(item => item?.ToString() ?? "")],
        Dictionary<object, object?> named => [.. named.Select(pair => $"{pair.Key}={pair.Value}")],
        var other => [other.ToString()!],
    };

    public static string Text(Dictionary<object, object?> service, string key) => service.GetValueOrDefault(key)?.ToString() ?? "";

    private Dictionary<string, Dictionary<object, object?>> Maps(string key) =>
        ((Dictionary<object, object?>)Root[key]!).ToDictionary(pair => (string)pair.Key, pair => pair.Value as Dictionary<object, object?> ?? []);
}
