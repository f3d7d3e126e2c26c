using System.Diagnostics.Metrics;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Journal;

/// <summary>Counts what became true, once it is durable: tasks that began and ended, calls that were settled.</summary>
internal static class JournalMetrics
{
    private static readonly Meter Meter = new(MeshSemantics.Meter);

    private static readonly Counter<long> Started = Meter.CreateCounter<long>("mesh.task.started", "{task}", "Tasks that were accepted.");

    private static readonly Counter<long> Ended = Meter.CreateCounter<long>("mesh.task.ended", "{task}", "Tasks that ended, by outcome.");

    private static readonly Histogram<double> Duration =
        Meter.CreateHistogram("mesh.task.duration", "s", "From the acceptance of a task to its end, waits included.", advice: Durations.Buckets);

    private static readonly Counter<long> Settled = Meter.CreateCounter<long>("mesh.call.settled", "{call}", "Tool calls whose end was recorded, by outcome.");

    public static void Count(JournalWrite write, JournalAnswer.Written written)
    {
        foreach (var fact in write.Facts)
        {
            switch (fact)
            {
                case TaskSubmitted:
                    Started.Add(1);
                    break;

                case TaskFinished finished:
                    var outcome = KeyValuePair.Create<string, object?>("outcome", WordOf(finished.Outcome));
                    Ended.Add(1, outcome);
                    Duration.Record(Math.Max(0, (written.At - written.Task.CreatedAt).TotalSeconds), outcome);
                    break;

                case CallSettled settled:
                    Settled.Add(1, new KeyValuePair<string, object?>("outcome", WordOf(settled.End)));
                    break;
            }
        }
    }

    private static string WordOf(TaskOutcome outcome) => outcome switch
    {
        TaskOutcome.Completed => "completed",
        TaskOutcome.Failed => "failed",
        TaskOutcome.Cancelled => "cancelled",
        TaskOutcome.Denied => "denied",
        _ => throw new InvalidOperationException($"A task cannot end as {outcome}."),
    };

    private static string WordOf(CallEnd end) => end switch
    {
        CallEnd.Succeeded => "succeeded",
        CallEnd.Failed => "failed",
        CallEnd.Denied => "denied",
        CallEnd.Unknown => "unknown",
        CallEnd.NotSent => "not_sent",
        _ => throw new InvalidOperationException($"A call cannot end as {end.GetType().Name}."),
    };
}
