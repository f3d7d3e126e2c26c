using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Mesh.TestKit;

[assembly: AssemblyFixture(typeof(Crash.Tests.CrashReport))]

namespace Crash.Tests;

/// <summary>What a run found, written into this folder's page when <c>MESH_CRASH_REPORT</c> is 1.</summary>
public sealed class CrashReport : IDisposable
{
    private const string Mark = "<!-- Everything below this line is written by a run. -->";

    private static readonly ConcurrentQueue<Outcome> Outcomes = new();

    internal static void Add(Outcome outcome) => Outcomes.Enqueue(outcome);

    public void Dispose()
    {
        if (Environment.GetEnvironmentVariable("MESH_CRASH_REPORT") != "1")
        {
            return;
        }

        var page = Path.Combine(Repository.Root, "tests", "Crash", "README.md");
        var text = File.ReadAllText(page);
        File.WriteAllText(page, text[..(text.IndexOf(Mark, StringComparison.Ordinal) + Mark.Length)] + Format());
    }

    private static string Format()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"\n\n{CrashPoints.All.Count} crash points. The last run, of {DateTime.UtcNow:yyyy-MM-dd}, crashed {Outcomes.Count} times on {Outcomes.Select(one => one.Bus).Distinct().Count()} buses, ")
            .Append(CultureInfo.InvariantCulture, $"reached {Outcomes.Count(one => one.IsReached)} of these moments, and found {Outcomes.Count(one => !one.IsGood)} in which something did not hold.\n\n")
            .Append("| # | moment | killed | true at that moment | bus | reached | the task | rests after | log complete after | all held |\n")
            .Append("|---|---|---|---|---|---|---|---|---|---|\n");

        foreach (var one in Outcomes.OrderBy(one => one.Point.Number).ThenBy(one => one.Bus, StringComparer.Ordinal))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {one.Point.Number} | {one.Point.Side} {one.Point.Effect} | {one.Point.Victim} | {one.Point.Means} | {one.Bus} | {YesNo(one.IsReached)} | {one.Became} | {one.Recovered.TotalSeconds:0.0} s | {one.Logged.TotalSeconds:0.0} s | {YesNo(one.IsGood)} |\n");
        }

        return text.ToString();
    }

    private static string YesNo(bool isSo) => isSo ? "yes" : "no";
}

/// <summary>What one crash led to.</summary>
internal sealed record Outcome(string Bus, CrashPoint Point)
{
    /// <summary>The victim was dead, and the transaction committed or rolled back, as the point wants it.</summary>
    public bool IsReached { get; set; }

    /// <summary>What happened to the task.</summary>
    public string Became { get; set; } = "not known";

    /// <summary>From the death until the task ended, or waited for a person.</summary>
    public TimeSpan Recovered { get; set; }

    /// <summary>From the death until the log had all facts of the task.</summary>
    public TimeSpan Logged { get; set; }

    /// <summary>Nothing was found that did not hold.</summary>
    public bool IsGood { get; set; }
}
