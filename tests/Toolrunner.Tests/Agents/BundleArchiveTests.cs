using System.Formats.Tar;
using Mesh.Toolrunner.Agents;

namespace Mesh.Toolrunner.Tests.Agents;

public sealed class BundleArchiveTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mesh-bundle-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Files_are_unpacked_read_only_and_keep_their_right_to_run()
    {
        var unpacked = await UnpackAsync(TestBundle.Pack(tar =>
        {
            TestBundle.Add(tar, "./lib/agent.sh", "#!/bin/sh");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "data.txt") { DataStream = new MemoryStream([1]) });
        }));

        Assert.Equal("#!/bin/sh", await File.ReadAllTextAsync(Path.Combine(unpacked, "lib", "agent.sh"), TestContext.Current.CancellationToken));
        Assert.Equal("r-xr-xr-x", Shown(Path.Combine(unpacked, "lib", "agent.sh")));
        Assert.Equal("r--r--r--", Shown(Path.Combine(unpacked, "data.txt")));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/tmp/outside")]
    [InlineData("a/../../outside")]
    [InlineData("a//b")]
    [InlineData("a\\..\\b")]
    [InlineData("a\nb")]
    public async Task A_path_that_leaves_the_folder_is_refused(string name) => await RefusedAsync(TestBundle.Pack(tar => TestBundle.Add(tar, name, "x")));

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.Fifo)]
    public async Task Links_and_devices_are_refused(TarEntryType type) => await RefusedAsync(TestBundle.Pack(tar =>
    {
        TestBundle.Add(tar, "real", "x");
        var entry = new PaxTarEntry(type, "odd");

        if (type != TarEntryType.Fifo)
        {
            entry.LinkName = "/etc/passwd";
        }

        tar.WriteEntry(entry);
    }));

    [Fact]
    public async Task The_same_file_twice_is_refused() => await RefusedAsync(TestBundle.Pack(tar =>
    {
        TestBundle.Add(tar, "a", "1");
        TestBundle.Add(tar, "a", "2");
    }));

    [Fact]
    public async Task A_bomb_is_refused() => await RefusedAsync(TestBundle.Pack(tar =>
    {
        for (var i = 0; i < 5; i++)
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"zeros{i}") { DataStream = new MemoryStream(new byte[60 * 1024 * 1024]) });
        }
    }));

    [Fact]
    public async Task Attributes_that_are_longer_than_any_name_are_refused() => await RefusedAsync(TestBundle.Pack(tar =>
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "a", [new("comment", new string('x', 1024 * 1024))]) { DataStream = new MemoryStream([1]) })));

    [Theory]
    [InlineData('x')]
    [InlineData('g')]
    [InlineData('L')]
    [InlineData('K')]
    public async Task A_header_that_announces_gigabytes_is_refused(char type) =>
        await RefusedAsync(TestBundle.PackBytes(HeaderOf(type, 1024 * 1024 * 1024), new byte[16 * 1024 * 1024]));

    [Theory]
    [InlineData("")]
    [InlineData("this is no archive at all, whatever its name says")]
    public async Task What_is_no_archive_is_refused(string text) => await RefusedAsync(System.Text.Encoding.UTF8.GetBytes(text));

    // One header by hand: a writer would not lie.
    private static byte[] HeaderOf(char type, long size)
    {
        var header = new byte[512];
        System.Text.Encoding.ASCII.GetBytes("a").CopyTo(header, 0);
        System.Text.Encoding.ASCII.GetBytes($"0000644\0{0:00000000}{0:00000000}{Convert.ToString(size, 8).PadLeft(11, '0')}\000000000000\0        {type}").CopyTo(header, 100);
        System.Text.Encoding.ASCII.GetBytes("ustar\000").CopyTo(header, 257);
        System.Text.Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        return header;
    }

    private async Task RefusedAsync(byte[] bundle)
    {
        await Assert.ThrowsAsync<BundleRefusedException>(() => UnpackAsync(bundle));
        Assert.False(File.Exists("/tmp/outside"));
    }

    private async Task<string> UnpackAsync(byte[] bundle)
    {
        var archive = Path.Combine(folder, "packed");
        await File.WriteAllBytesAsync(archive, bundle, TestContext.Current.CancellationToken);
        await BundleArchive.UnpackAsync(archive, Path.Combine(folder, "in", "side"), TestContext.Current.CancellationToken);
        return Path.Combine(folder, "in", "side");
    }

    private static string Shown(string path)
    {
        var mode = (int)File.GetUnixFileMode(path);
        return string.Concat(Enumerable.Range(0, 9).Select(i => (mode >> (8 - i) & 1) == 1 ? "rwx"[i % 3] : '-'));
    }
}
