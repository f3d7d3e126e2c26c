using System.Diagnostics.Metrics;
using Mesh.Audit.Sequencing;
using Mesh.ServiceHost;

namespace Mesh.Audit;

/// <summary>What the log measures. The size of its batches is measured by the store (<c>mesh.store.batch_size</c>).</summary>
internal sealed class AuditMetrics
{
    private readonly Histogram<double> duration;
    private readonly Counter<long> leaves;
    private readonly Counter<long> rejected;
    private readonly Histogram<double> lag;
    private readonly Counter<long> unsigned;
    private readonly Histogram<double> factLag;

    public AuditMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeshSemantics.Meter);
        duration = meter.CreateHistogram("mesh.audit.append.duration", "s", "From submission to durable.", advice: Durations.Buckets);
        leaves = meter.CreateCounter<long>("mesh.audit.leaves", "{leaf}", "Leaves made durable.");
        rejected = meter.CreateCounter<long>("mesh.audit.rejected", "{submission}", "Submissions that were not said to be durable.");
        lag = meter.CreateHistogram("mesh.audit.checkpoint.lag", "s", "From the first leaf that no checkpoint covers to the one that does.", advice: Durations.Buckets);
        unsigned = meter.CreateCounter<long>("mesh.audit.checkpoint.refused", "{checkpoint}", "Checkpoints that were not signed, because the log contradicts itself.");
        factLag = meter.CreateHistogram("mesh.audit.facts.lag", "s", "From a fact's own time, when its service made it durable, to its leaf: outbox, bus and queue.", advice: Durations.Buckets);
    }

    public void FactLogged(TimeSpan behind) => factLag.Record(Math.Max(0, behind.TotalSeconds));

    public void Appended(Submission submission, TimeSpan took)
    {
        var kind = new KeyValuePair<string, object?>("kind", submission is Submission.Intent ? "intent" : "facts");
        duration.Record(took.TotalSeconds, kind);
        leaves.Add(submission.Leaves.Count, kind);
    }

    public void Rejected(string cause) => rejected.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void CheckpointSigned(TimeSpan behind) => lag.Record(behind.TotalSeconds);

    public void CheckpointRefused() => unsigned.Add(1);
}
