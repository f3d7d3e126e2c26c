using Mesh.Cli.Dev;
using Mesh.TestKit;

namespace Cli.Tests.Dev;

public sealed class ServiceLogTests
{
    [Fact]
    public void A_log_keeps_the_newest_lines_and_stays_within_twice_its_half()
    {
        using var folder = new OpenFolder();
        var path = Path.Combine(folder.Path, "policy.log");
        using (var log = new ServiceLog(path, bytesMax: 1_000))
        {
            for (var number = 0; number < 1_000; number++)
            {
                log.Write($"line {number}");
            }
        }

        var lines = File.ReadAllLines(path + ".1").Concat(File.ReadAllLines(path)).ToList();

        Assert.Equal("line 999", lines[^1]);
        Assert.Equal(Enumerable.Range(1_000 - lines.Count, lines.Count).Select(number => $"line {number}"), lines);
        Assert.InRange(new FileInfo(path).Length + new FileInfo(path + ".1").Length, 1_000, 2_100);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_full_disk_costs_lines_and_how_many_is_said_once_there_is_room()
    {
        using var folder = new OpenFolder();
        var path = Path.Combine(folder.Path, "policy.log");
        File.CreateSymbolicLink(path, "/dev/full");
        using var log = new ServiceLog(path);

        log.Write("one");
        log.Write("two");
        File.Delete(path);
        log.Write("three");
        log.Write("four");

        Assert.Equal("four", log.LastLine);
        Assert.Equal(["", "-- 2 lines were lost here: the log could not be written", "three", "four"], File.ReadAllLines(path));
    }
}
