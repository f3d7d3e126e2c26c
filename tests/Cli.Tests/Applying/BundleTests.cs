using System.Formats.Tar;
using System.IO.Compression;
using Mesh.Cli.Applying;
using Mesh.Cli.Output;

namespace Cli.Tests.Applying;

public sealed class BundleTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("mesh-bundle-").FullName;

    [Fact]
    public void The_same_files_make_the_same_bytes_wherever_and_whenever_they_were_written()
    {
        var first = Folder("first", "b.dll", "sub/a.json", "run.sh");
        var second = Folder("second", "run.sh", "sub/a.json", "b.dll");
        File.SetLastWriteTimeUtc(Path.Combine(second, "b.dll"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        File.SetUnixFileMode(Path.Combine(second, "b.dll"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Assert.Equal(Bundle.Pack(first).Digest, Bundle.Pack(second).Digest);
    }

    [Fact]
    public void A_changed_byte_or_mode_is_another_bundle()
    {
        var folder = Folder("changing", "run.sh");
        var before = Bundle.Pack(folder).Digest;

        File.SetUnixFileMode(Path.Combine(folder, "run.sh"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var executable = Bundle.Pack(folder).Digest;
        File.WriteAllText(Path.Combine(folder, "run.sh"), "other");

        Assert.NotEqual(before, executable);
        Assert.NotEqual(executable, Bundle.Pack(folder).Digest);
    }

    [Fact]
    public void Entries_are_sorted_and_owned_by_nobody_with_one_of_two_modes()
    {
        var folder = Folder("plain", "z.txt", "a/b.txt", "a.txt");
        File.SetUnixFileMode(Path.Combine(folder, "z.txt"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);

        var entries = Read(Bundle.Pack(folder));

        Assert.Equal(["a.txt", "a/", "a/b.txt", "z.txt"], entries.Select(entry => entry.Name));
        Assert.All(entries, entry => Assert.Equal((0, 0, DateTimeOffset.UnixEpoch), (entry.Uid, entry.Gid, entry.ModificationTime)));
        Assert.Equal("644 755 644 755", string.Join(' ', entries.Select(entry => Convert.ToString((int)entry.Mode, 8))));
    }

    [Fact]
    public void A_link_is_refused_and_named()
    {
        var folder = Folder("linked", "a.txt");
        File.CreateSymbolicLink(Path.Combine(folder, "passwd"), "/etc/passwd");

        var refused = Assert.Throws<ProblemException>(() => Bundle.Pack(folder));

        Assert.Contains("passwd", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_linked_folder_is_refused_and_not_walked_into()
    {
        var folder = Folder("outer", "a.txt");
        Directory.CreateSymbolicLink(Path.Combine(folder, "etc"), "/etc");

        var refused = Assert.Throws<ProblemException>(() => Bundle.Pack(folder));

        Assert.Contains("etc in", refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private static List<TarEntry> Read(Bundle bundle)
    {
        using var zip = new GZipStream(new MemoryStream(bundle.Content.ToArray()), CompressionMode.Decompress);
        using var tar = new TarReader(zip);
        var entries = new List<TarEntry>();
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            entries.Add(entry);
        }

        return entries;
    }

    private string Folder(string name, params string[] files)
    {
        var folder = Path.Combine(root, name);
        foreach (var file in files)
        {
            var path = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, $"content of {file}");
        }

        return folder;
    }
}
