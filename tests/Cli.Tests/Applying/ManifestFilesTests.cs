using Mesh.Cli.Applying;
using Mesh.Cli.Output;
using Mesh.Ingress.V1;

namespace Cli.Tests.Applying;

public sealed class ManifestFilesTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("mesh-manifests-").FullName;

    [Fact]
    public void A_folder_is_all_its_yaml_files_sorted_and_nothing_else()
    {
        Write("b.yaml", "b");
        Write("a/c.yml", "c");
        Write("README.md", "no");

        Assert.Equal(["a/c.yml", "b.yaml"], ManifestFiles.Read(root).Files.Select(file => file.Name));
    }

    [Fact]
    public void A_directory_is_found_beside_the_file_that_names_it()
    {
        Write("flows/refund.yaml", "directory: ./agent");
        Directory.CreateDirectory(Path.Combine(root, "flows/agent"));

        var folder = ManifestFiles.Read(root).FolderOf(new BundleNeeded { File = "flows/refund.yaml", Directory = "./agent" });

        Assert.Equal(Path.Combine(root, "flows/agent"), folder);
    }

    [Theory]
    [InlineData("refund.yaml", "/etc")]
    [InlineData("other.yaml", "./agent")]
    [InlineData("refund.yaml", "")]
    public void A_mesh_that_asks_for_a_folder_that_no_manifest_names_gets_nothing(string file, string directory)
    {
        Write("refund.yaml", "directory: ./agent");

        Assert.Throws<ProblemException>(() => ManifestFiles.Read(root).FolderOf(new BundleNeeded { File = file, Directory = directory }));
    }

    [Fact]
    public void What_cannot_be_sent_is_refused_with_its_name()
    {
        Assert.Throws<ProblemException>(() => ManifestFiles.Read(Path.Combine(root, "absent")));
        Assert.Throws<ProblemException>(() => ManifestFiles.Read(root));

        File.WriteAllBytes(Path.Combine(root, "latin.yaml"), [0xe9, 0x0a]);
        Assert.Contains("latin.yaml", Assert.Throws<ProblemException>(() => ManifestFiles.Read(root)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private void Write(string name, string text)
    {
        var path = Path.Combine(root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
