using System.Globalization;

namespace Mesh.Bench;

/// <summary>How long facts take from their own commit to their leaf, as audit itself measures it.</summary>
internal sealed class LagMeter(Uri audit) : IDisposable
{
    private const string Bucket = "mesh_audit_facts_lag_seconds_bucket{le=\"";

    private readonly HttpClient http = new();

    /// <summary>Counts by upper bound in seconds, each with all below it.</summary>
    public async Task<IReadOnlyList<(double UpTo, double Count)>> ReadAsync(CancellationToken stop) =>
        [.. (await http.GetStringAsync(new Uri(audit, "/metrics"), stop)).Split('\n')
            .Where(line => line.StartsWith(Bucket, StringComparison.Ordinal))
            .Select(line => line[Bucket.Length..].Split("\"} "))
            .Select(parts => (parts[0] == "+Inf" ? double.PositiveInfinity : double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture)))];

    /// <summary>A percentile of what came between two readings, in milliseconds: evenly spread inside of a bucket, as Prometheus has it.</summary>
    public static double PercentileMs(IReadOnlyList<(double UpTo, double Count)> before, IReadOnlyList<(double UpTo, double Count)> after, int percent)
    {
        var counts = after.Select((bucket, n) => (bucket.UpTo, Count: bucket.Count - (before.Count > n ? before[n].Count : 0))).ToArray();
        var wanted = counts[^1].Count > 0 ? counts[^1].Count * percent / 100 : throw new InvalidOperationException("No fact entered the log meanwhile.");
        var at = Array.FindIndex(counts, bucket => bucket.Count >= wanted);
        var (from, below) = at == 0 ? (0, 0) : counts[at - 1];

        return 1_000 * (double.IsPositiveInfinity(counts[at].UpTo)
            ? from
            : from + (counts[at].UpTo - from) * (counts[at].Count == below ? 1 : (wanted - below) / (counts[at].Count - below)));
    }

    public void Dispose() => http.Dispose();
}
