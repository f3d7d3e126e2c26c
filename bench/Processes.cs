using System.Globalization;

namespace Mesh.Bench;

/// <summary>What processes take, from <c>/proc</c>. A process counts with its children, as PostgreSQL's do, without those that are told beside it.</summary>
internal static class Processes
{
    // Linux counts processor time in hundredths of a second wherever .NET runs.
    private const double TicksPerSecond = 100;

    /// <summary>Processor time so far, in milliseconds; what exited children took is in it.</summary>
    public static double CpuMs(int pid, IReadOnlyCollection<int> without) => Tree(pid, without).Sum(one =>
    {
        var fields = Stat(one);

        return fields.Length == 0 ? 0 : Enumerable.Range(11, 4).Sum(i => long.Parse(fields[i], CultureInfo.InvariantCulture)) / TicksPerSecond * 1_000;
    });

    /// <summary>Proportional memory in MiB: shared pages are counted once over all who share them.</summary>
    public static double PssMiB(int pid, IReadOnlyCollection<int> without) => Tree(pid, without).Sum(one =>
    {
        try
        {
            return File.ReadLines($"/proc/{one}/smaps_rollup").Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)) / 1024.0;
        }
        catch (IOException)
        {
            return 0;
        }
    });

    private static IEnumerable<int> Tree(int pid, IReadOnlyCollection<int> without)
    {
        var children = Directory.EnumerateDirectories("/proc").Select(path => int.TryParse(Path.GetFileName(path), out var id) ? id : 0)
            .Where(id => id > 0 && Stat(id) is { Length: > 1 } fields && int.Parse(fields[1], CultureInfo.InvariantCulture) == pid);

        return [pid, .. children.Except(without)];
    }

    // After the name, which may hold anything: state, parent, …
    private static string[] Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");

            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return [];
        }
    }
}
