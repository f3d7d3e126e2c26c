using Npgsql;

namespace Mesh.Postgres;

/// <summary>The transaction of one batch: begun with its first statements and committed with its last, so that neither costs a round trip.</summary>
public sealed class CommitTransaction
{
    private readonly NpgsqlConnection connection;
    private readonly TimeSpan? lockPatience;
    private readonly bool isOwn;
    private bool isBegun;

    internal CommitTransaction(NpgsqlConnection connection, TimeSpan? lockPatience)
    {
        this.connection = connection;
        this.lockPatience = lockPatience;
        isOwn = true;
    }

    private CommitTransaction(NpgsqlConnection connection)
    {
        this.connection = connection;
        isBegun = true;
    }

    /// <summary>The same inside a transaction that somebody else began and ends, as that of a message's effect.</summary>
    public static CommitTransaction Within(NpgsqlTransaction effect) => new(effect.Connection!);

    /// <summary>The commit was sent. If nothing is heard from here on, nobody knows whether it was reached.</summary>
    internal bool IsCommitting { get; private set; }

    /// <summary>Runs statements and reads what they answer.</summary>
    /// <param name="statements">Prepared once for the connection's life.</param>
    /// <param name="read">Reads the results, in order; those of statements without rows are left out.</param>
    /// <param name="stop">Ends the waiting.</param>
    public async Task ReadAsync(
        IReadOnlyCollection<NpgsqlBatchCommand> statements, Func<NpgsqlDataReader, CancellationToken, Task> read, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (!isBegun)
        {
            isBegun = true;
            batch.BatchCommands.Add(new("begin"));
            if (lockPatience is { } patience)
            {
                batch.BatchCommands.Add(new(FormattableString.Invariant($"set local lock_timeout = {patience.TotalMilliseconds:0}")));
            }
        }

        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement);
        }

        await batch.PrepareAsync(stop);
        await using var results = await batch.ExecuteReaderAsync(stop);
        await read(results, stop);

        // To the end: the error of a later statement, or of the commit, comes with its own result.
        while (await results.NextResultAsync(stop))
        {
        }
    }

    /// <summary>Runs the last statements, if any, and commits. Whatever they refuse is rolled back with all the rest.</summary>
    public Task CommitAsync(IReadOnlyCollection<NpgsqlBatchCommand> statements, CancellationToken stop)
    {
        IsCommitting = true;
        NpgsqlBatchCommand[] last = isOwn ? [.. statements, new("commit")] : [.. statements];

        return last.Length == 0 ? Task.CompletedTask : ReadAsync(last, static (_, _) => Task.CompletedTask, stop);
    }

    internal async Task RollBackAsync()
    {
        if (isBegun)
        {
            await using var command = new NpgsqlCommand("rollback", connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
