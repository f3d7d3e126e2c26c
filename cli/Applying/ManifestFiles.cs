using System.Collections.Immutable;
using System.Text;
using Mesh.Cli.Output;

namespace Mesh.Cli.Applying;

/// <summary>The manifests under a path: one file, or all <c>*.yaml</c> and <c>*.yml</c> of a folder and below, sorted.</summary>
/// <remarks>They are sent as they are: only the mesh reads YAML, so that there is one reading of it.</remarks>
internal sealed class ManifestFiles
{
    private const int CountMax = 100;
    private const int BytesMax = 256 * 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string root;

    private ManifestFiles(string root, ImmutableArray<Ingress.V1.ManifestFile> files)
    {
        this.root = root;
        Files = files;
    }

    public ImmutableArray<Ingress.V1.ManifestFile> Files { get; }

    public static ManifestFiles Read(string path)
    {
        if (File.Exists(path))
        {
            var whole = Path.GetFullPath(path);
            return new ManifestFiles(Path.GetDirectoryName(whole)!, [ReadOne(whole, Path.GetFileName(whole))]);
        }

        if (!Directory.Exists(path))
        {
            throw Refused($"There is no file or folder {path}.");
        }

        var root = Path.GetFullPath(path);
        var names = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".yaml" or ".yml")
            .Select(file => Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)
            .ToList();

        return names.Count switch
        {
            0 => throw Refused($"{path} has no *.yaml or *.yml file."),
            > CountMax => throw Refused($"{path} has {names.Count} manifest files; at most {CountMax} are applied at once."),
            _ => new ManifestFiles(root, [.. names.Select(name => ReadOne(Path.Combine(root, name), name))]),
        };
    }

    /// <summary>The same files with other texts.</summary>
    public ManifestFiles With(Func<string, string> change) =>
        new(root, [.. Files.Select(file => new Ingress.V1.ManifestFile { Name = file.Name, Text = change(file.Text) })]);

    /// <summary>The folder that a manifest names, on this machine.</summary>
    public string FolderOf(Ingress.V1.BundleNeeded needed)
    {
        var file = Files.FirstOrDefault(one => one.Name == needed.File);

        // What is read and sent away is what the user wrote down, never what the other side asks for.
        if (file is null || needed.Directory.Length == 0 || !file.Text.Contains(needed.Directory, StringComparison.Ordinal))
        {
            throw new ProblemException(Problem.Here(
                "BUNDLE_NOT_DECLARED", $"The mesh asks for the folder '{needed.Directory}', which {needed.File} does not name. Nothing was sent.", ExitCodes.Error));
        }

        var folder = Path.GetFullPath(Path.Combine(root, Path.GetDirectoryName(file.Name) ?? "", needed.Directory));
        return Directory.Exists(folder)
            ? folder
            : throw Refused($"{file.Name}: the agent's directory {folder} of {needed.Tenant}/{needed.Workflow} is not there: build the agent first.");
    }

    private static Ingress.V1.ManifestFile ReadOne(string path, string name)
    {
        if (new FileInfo(path).Length > BytesMax)
        {
            throw Refused($"{name} has more than {BytesMax} bytes.");
        }

        try
        {
            return new Ingress.V1.ManifestFile { Name = name, Text = Strict.GetString(File.ReadAllBytes(path)) };
        }
        catch (DecoderFallbackException)
        {
            throw Refused($"{name} is not UTF-8.");
        }
    }

    private static ProblemException Refused(string message) => new(Problem.Usage(message));
}
