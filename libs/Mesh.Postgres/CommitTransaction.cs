using Npgsql;

namespace Mesh.Postgres;

/// <summary>The transaction of one batch: begun with its first statements and committed with its last, so that neither costs a round trip.</summary>
public sealed class CommitTransaction
{
    private readonly NpgsqlConnection connection;
    private readonly TimeSpan? lockPatience;
    private bool isBegun;

    internal CommitTransaction(NpgsqlConnection connection, TimeSpan? lockPatience, bool mayCommitAtOnce)
    {
        this.connection = connection;
        this.lockPatience = lockPatience;
        IsOwn = true;
        MayCommitAtOnce = mayCommitAtOnce;
    }

    private CommitTransaction(NpgsqlConnection connection)
    {
        this.connection = connection;
        isBegun = true;
    }

    /// <summary>The same inside a transaction that somebody else began and ends, as that of a message's effect.</summary>
    public static CommitTransaction Within(NpgsqlTransaction effect) => new(effect.Connection!);

    /// <summary>Whether it ends here. Otherwise nobody knows here whether what it wrote will ever be durable.</summary>
    public bool IsOwn { get; }

    /// <summary>
    /// Whether all statements may go in the round trip of the commit: on a connection that was heard from just now. One that was
    /// silent may be dead, and a commit that is lost with it leaves open what became of it.
    /// </summary>
    public bool MayCommitAtOnce { get; }

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
    public Task CommitAsync(IReadOnlyCollection<NpgsqlBatchCommand> statements, CancellationToken stop) =>
        CommitAsync(statements, static (_, _) => Task.CompletedTask, stop);

    /// <summary>Runs the last statements, reads what they answer, and commits.</summary>
    /// <param name="statements">Prepared once for the connection's life.</param>
    /// <param name="read">
    /// Reads the results as <see cref="ReadAsync"/> does. They come before the commit does: no caller may hear of them before this returns.
    /// </param>
    /// <param name="stop">Ends the waiting; whether it was committed is then unknown.</param>
    public Task CommitAsync(
        IReadOnlyCollection<NpgsqlBatchCommand> statements, Func<NpgsqlDataReader, CancellationToken, Task> read, CancellationToken stop)
    {
        IsCommitting = true;
        NpgsqlBatchCommand[] last = IsOwn ? [.. statements, new("commit")] : [.. statements];

        return last.Length == 0 ? Task.CompletedTask : ReadAsync(last, read, stop);
    }

    /// <summary>Rolls back what the database has refused, so that the same transaction can be tried again in another way.</summary>
    public async Task StartOverAsync()
    {
        if (!IsOwn)
        {
            throw new InvalidOperationException("What somebody else began is theirs to roll back.");
        }

        IsCommitting = false;
        await RollBackAsync();
        isBegun = false;
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
