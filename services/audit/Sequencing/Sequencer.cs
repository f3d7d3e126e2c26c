using System.Diagnostics;
using Mesh.Audit.Checkpoints;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Audit.Sequencing;

/// <summary>Gives submissions their places. Any replica may; the row lock on the log's head orders them.</summary>
internal sealed class Sequencer(NpgsqlDataSource store, GrownLogs grown, AuditMetrics metrics, ILogger<Sequencer> log) : IAsyncDisposable
{
    // One writer: every batch of a tenant takes the same row lock.
    private readonly GroupCommit<Submission, Placement> intents = new(
        store,
        new GroupCommitOptions { Name = "audit intents", Writers = 1, IsRepeatable = true, ConnectPatience = TimeSpan.FromSeconds(1) },
        LeafStore.AppendAsync,
        log);

    /// <summary>Returns when the intent is durable, or with the reason why that is not known.</summary>
    public async Task<Placement> AppendAsync(Submission.Intent intent, TimeSpan deadline, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(deadline);

        try
        {
            var placement = await intents.AppendAsync(intent, limit.Token);
            metrics.Appended(intent, Stopwatch.GetElapsedTime(started));
            Announce(intent, placement);
            return placement;
        }
        catch (StoreBusyException busy)
        {
            metrics.Rejected("busy");
            return new Placement.Busy(busy.RetryAfter);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            metrics.Rejected("deadline");
            log.AppendTooSlow(intent.Tenant, deadline);
            return new Placement.Unavailable();
        }
        catch (Exception refused) when (refused is StoreUnavailableException or NpgsqlException)
        {
            // A full disk, a lost connection, a server that is read-only or not durable: for the caller all the same.
            metrics.Rejected("store");
            log.AppendRefused(intent.Tenant, refused);
            return new Placement.Unavailable();
        }
    }

    /// <summary>Places facts in a transaction that its owner commits, or rolls back if one of them has no place.</summary>
    public async Task<IReadOnlyList<Placement>> PlaceAsync(IReadOnlyList<Submission> facts, NpgsqlTransaction effect, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        var placements = await LeafStore.AppendAsync(CommitTransaction.Within(effect), facts, stop);

        for (var n = 0; n < facts.Count; n++)
        {
            metrics.Appended(facts[n], Stopwatch.GetElapsedTime(started));
            Announce(facts[n], placements[n]);
        }

        return placements;
    }

    public ValueTask DisposeAsync() => intents.DisposeAsync();

    private void Announce(Submission submission, Placement placement)
    {
        // A repeat too: it may be all that is heard of an entry whose commit nobody confirmed.
        if (placement is Placement.Placed { First: { } first })
        {
            grown.Add(submission.Tenant, first.Index + submission.Leaves.Count);
        }
    }
}
