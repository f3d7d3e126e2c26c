using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Mesh.Tidy.Tests;

/// <summary>The checkout that these tests read.</summary>
internal static class Tree
{
    private static readonly string[] NotOurs = ["artifacts", ".git", "node_modules", "third_party", "bin", "obj", "TestResults", ".mesh"];

    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Root, pattern, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => NotOurs.Contains(part)));

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static bool Exists(string path) => File.Exists(Path.Combine(Root, path)) || Directory.Exists(Path.Combine(Root, path));

    /// <summary>Every project, and the projects that it references.</summary>
    public static IReadOnlyDictionary<string, string[]> References() => Files("*.csproj").ToDictionary(
        path => path,
        path => XDocument.Parse(Read(path)).Descendants("ProjectReference")
            .Select(reference => Resolve(path, reference.Attribute("Include")!.Value)).ToArray());

    private static string Resolve(string project, string reference)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Root, project))!;

        return Path.GetRelativePath(Root, Path.GetFullPath(Path.Combine(folder, reference.Replace('\\', '/')))).Replace('\\', '/');
    }

    private static string FindRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
