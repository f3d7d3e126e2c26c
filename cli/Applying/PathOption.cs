using System.CommandLine;

namespace Mesh.Cli.Applying;

/// <summary>Where the manifests are.</summary>
internal static class PathOption
{
    public static Option<string> Create() => new("--file", "-f")
    {
        Description = "A manifest file, or a folder whose *.yaml and *.yml files are taken together.",
        HelpName = "PATH",
        Required = true,
    };
}
