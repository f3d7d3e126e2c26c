using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Postgres;
using Mesh.TestKit;
using Npgsql;

namespace Mesh.Bench;

/// <summary>Facts on their way from an outbox over the bus into the log, with nothing else going on.</summary>
internal static class FactStream
{
    private const int FactsOfATask = 8;

    /// <summary>Puts facts of tasks that never were into the orchestrator's outbox at once, and answers how many a second entered the log.</summary>
    public static async Task<double> PerSecondAsync(string store, int facts, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(store);
        await connection.OpenAsync(stop);
        await using var count = new NpgsqlCommand("select size from audit.log_head where tenant_id = 'bench'", connection);
        var before = (long)(await count.ExecuteScalarAsync(stop))!;
        await SendAsync(connection, facts / FactsOfATask, stop);

        var (first, begun) = (0L, 0L);
        var reached = 0L;
        await Eventually.Async(
            async () =>
            {
                reached = (long)(await count.ExecuteScalarAsync(stop))! - before;

                // From the first that arrived: when the relay looks is no part of its speed.
                if (first == 0 && reached > 0)
                {
                    (first, begun) = (reached, Stopwatch.GetTimestamp());
                }

                return reached >= facts;
            },
            TimeSpan.FromMinutes(2));

        return (facts - first) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
    }

    private static async Task SendAsync(NpgsqlConnection connection, int tasks, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("set search_path = orchestrator"));
        batch.BatchCommands.Add(Outbox.Insert([.. Enumerable.Range(0, tasks).Select(_ => MessageOf(Guid.CreateVersion7()))]));
        batch.BatchCommands.Add(new("reset search_path"));
        await batch.ExecuteNonQueryAsync(stop);
    }

    private static Envelope MessageOf(Guid task)
    {
        var batch = new Facts.V1.TaskFactBatch();
        batch.Facts.AddRange(Enumerable.Range(0, FactsOfATask).Select(position => new Facts.V1.TaskFact
        {
            Tenant = "bench",
            TaskId = ByteString.CopyFrom(task.ToByteArray(bigEndian: true)),
            Step = $"step#{position}",
            Epoch = 1,
            Time = Timestamp.FromDateTime(DateTime.UtcNow),
            StepRecorded = new Facts.V1.StepRecorded { Position = position, Value = ByteString.CopyFromUtf8("1") },
        }.ToByteString()));

        return new Envelope(Guid.CreateVersion7(), "bench", task.ToString("D"), 1, Facts.V1.TaskFactBatch.Descriptor.FullName, null, batch.ToByteArray());
    }
}
