using System.Diagnostics;
using Npgsql;

namespace Mesh.ServiceHost;

/// <summary>Answers whether this service can do its work now, from checks that its parts register.</summary>
internal sealed class Readiness(IEnumerable<ReadinessCheck> checks, IServiceProvider services, TimeProvider clock, ILogger<Readiness> log) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    // Many may ask at once, and often. The store is asked once per half second at most.
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(500);

    private readonly ReadinessCheck[] checks = [.. checks];
    private readonly SemaphoreSlim asking = new(1, 1);
    private ReadinessReport? last;
    private volatile bool draining;

    public bool IsDraining => draining;

    public void Drain()
    {
        if (!draining)
        {
            draining = true;
            log.Draining();
        }
    }

    public async Task<ReadinessReport> AskAsync(CancellationToken stop)
    {
        if (draining)
        {
            return new ReadinessReport([new ReadinessReport.Line("drain", "this service is stopping", 0)], clock.GetUtcNow());
        }

        await asking.WaitAsync(stop);

        try
        {
            if (last is null || !last.IsReady || clock.GetUtcNow() - last.At > Fresh)
            {
                var lines = await Task.WhenAll(checks.Select(check => AskAsync(check, stop)));
                last = new ReadinessReport([.. lines], clock.GetUtcNow());
            }

            return last;
        }
        finally
        {
            asking.Release();
        }
    }

    public void Dispose() => asking.Dispose();

    private static string Meaning(PostgresException error) => error.SqlState switch
    {
        PostgresErrorCodes.DiskFull => ": its disk is full",
        PostgresErrorCodes.OutOfMemory => ": it is out of memory",
        PostgresErrorCodes.TooManyConnections => ": it has no connection left",
        PostgresErrorCodes.CannotConnectNow => ": it is starting",
        _ => "",
    };

    private async Task<ReadinessReport.Line> AskAsync(ReadinessCheck check, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        string? trouble;

        try
        {
            trouble = await check.Ask(services, limit.Token).AsTask().WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            trouble = $"did not answer within {Limit.TotalSeconds:F0} s";
        }
        catch (Exception thrown)
        {
            // A check that throws is a check that failed. Its message may hold addresses; the kind is enough here.
            trouble = thrown is PostgresException answered ? $"PostgreSQL answers {answered.SqlState}{Meaning(answered)}" : thrown.GetType().Name;
        }

        return new ReadinessReport.Line(check.Name, trouble, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }
}
