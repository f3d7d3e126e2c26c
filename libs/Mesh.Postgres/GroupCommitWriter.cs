using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>One connection that writes one batch after the other.</summary>
internal sealed class GroupCommitWriter<TEntry, TResult>(
    NpgsqlDataSource store, GroupCommitOptions options, CommitBatch<TEntry, TResult> commit, TimeProvider clock) : IAsyncDisposable
{
    // Within this a connection that was just heard from is taken to be alive.
    private static readonly TimeSpan AliveFor = TimeSpan.FromSeconds(1);

    private NpgsqlConnection? connection;
    private long heardAt;

    /// <summary>How long the last commit took, from begin to durable.</summary>
    public TimeSpan LastCommit { get; private set; }

    /// <param name="batch">What is written together.</param>
    /// <param name="lockPatience">How long a statement waits for a row that somebody else holds.</param>
    public async Task<CommitOutcome<TResult>> TryCommitAsync(List<GroupCommitEntry<TEntry, TResult>> batch, TimeSpan lockPatience)
    {
        CommitTransaction? transaction = null;
        try
        {
            var open = connection ??= await OpenAsync();
            var started = Stopwatch.GetTimestamp();
            transaction = new CommitTransaction(
                open, lockPatience == options.LockPatience ? null : lockPatience, mayCommitAtOnce: clock.GetElapsedTime(heardAt) < AliveFor);
            var results = await commit(transaction, batch.ConvertAll(entry => entry.Entry), CancellationToken.None);
            if (!transaction.IsCommitting || results.Count != batch.Count)
            {
                throw new InvalidOperationException($"A batch of {batch.Count} entries of the store '{options.Name}' was not committed, or got {results.Count} results.");
            }

            heardAt = clock.GetTimestamp();
            LastCommit = Stopwatch.GetElapsedTime(started);
            StoreMetrics.CommitDuration.Record(LastCommit.TotalSeconds, StoreMetrics.Store(options.Name));

            return new CommitOutcome<TResult>.Committed(results);
        }
        catch (Exception error) when (StoreErrors.IsConnectionLost(error))
        {
            await DropConnectionAsync();

            return transaction is { IsCommitting: true } ? new CommitOutcome<TResult>.Unknown(error) : new CommitOutcome<TResult>.NotReached(error);
        }
        catch (Exception error) when (transaction is { IsCommitting: true } && error is not PostgresException)
        {
            await DropConnectionAsync();

            return new CommitOutcome<TResult>.Unknown(error);
        }
        catch (Exception error)
        {
            // Anything: a bad parameter, a broken rule, a bug in the batch function. It belongs to one of the callers.
            await RollBackAsync(transaction);

            return new CommitOutcome<TResult>.Refused(error);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is not { } last)
        {
            return;
        }

        try
        {
            // The pool resets nothing: the next user would inherit the short patience and the plans.
            await ExecuteAsync(last, $"reset all");
        }
        catch (Exception error) when (StoreErrors.IsConnectionLost(error))
        {
            // Then nobody inherits it.
        }

        await last.DisposeAsync();
    }

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var started = Stopwatch.GetTimestamp();
        for (var pause = 20; ; pause = Math.Min(pause * 2, 250))
        {
            try
            {
                var opened = await store.OpenConnectionAsync();

                // Once for the connection's life: an ordinary batch pays nothing for it.
                await ExecuteAsync(opened, $"set lock_timeout = {options.LockPatience.TotalMilliseconds:0}; {HotPlans.Settings}");
                heardAt = clock.GetTimestamp();

                return opened;
            }
            catch (Exception error) when (StoreErrors.IsConnectionLost(error) && Stopwatch.GetElapsedTime(started) < options.ConnectPatience)
            {
                await Task.Delay(Random.Shared.Next(pause / 2, pause));
            }
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection open, FormattableString statement)
    {
        await using var command = new NpgsqlCommand(FormattableString.Invariant(statement), open);
        await command.ExecuteNonQueryAsync();
    }

    private async Task RollBackAsync(CommitTransaction? transaction)
    {
        try
        {
            if (transaction is not null)
            {
                await transaction.RollBackAsync();
            }
        }
        catch (Exception error) when (error is NpgsqlException or InvalidOperationException or IOException or SocketException)
        {
            // Closing the connection rolls back as well.
            await DropConnectionAsync();
        }
    }

    private async Task DropConnectionAsync()
    {
        var lost = connection;
        connection = null;
        if (lost is not null)
        {
            await lost.DisposeAsync();
        }
    }
}
