using System.Globalization;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Fixture;

/// <summary>A store whose services write, and wait at the commit until this says what becomes of it, or is disposed.</summary>
/// <remarks>
/// The commit waits in PostgreSQL, in a trigger that is deferred to it: all that the transaction says is written, and nothing is durable.
/// Nothing of the services is changed for it.
/// </remarks>
public sealed class HeldCommit : IAsyncDisposable
{
    private const int Key = 424242;

    private readonly NpgsqlDataSource store;
    private readonly NpgsqlConnection holder;
    private readonly string table;
    private bool isLetGo;

    private HeldCommit(NpgsqlDataSource store, NpgsqlConnection holder, string table)
    {
        this.store = store;
        this.holder = holder;
        this.table = table;
    }

    /// <param name="store">The superuser's way to the store.</param>
    /// <param name="table">The table whose changes are not committed, such as <c>vault.manifest</c>.</param>
    /// <param name="changes">Which kind of them, in SQL.</param>
    /// <param name="when">Which of them: SQL over the rows <c>new</c> and <c>old</c>; it sees every schema.</param>
    public static async Task<HeldCommit> OfAsync(NpgsqlDataSource store, string table, string changes = "insert or update", string when = "true")
    {
        var holder = await store.OpenConnectionAsync();
        var held = new HeldCommit(store, holder, table);

        // A rehearsal is rolled back, and never comes to what is deferred to the commit. The wait is no lock that a service loses patience with.
        await held.ExecuteAsync(
            $"""
            select pg_advisory_lock({Key});
            create function {table}_held() returns trigger language plpgsql security definer set lock_timeout = 0 as $$
            begin
                if {when} then
                    perform pg_advisory_xact_lock_shared({Key});
                end if;
                return null;
            end $$;
            create constraint trigger held after {changes} on {table} deferrable initially deferred for each row execute function {table}_held();
            """);
        return held;
    }

    /// <summary>Who is at the commit; null while nobody is.</summary>
    public async Task<Committer?> FindAsync()
    {
        await using var command = store.CreateCommand(
            $"""
            select a.pid, a.usename, a.backend_xid::text from pg_locks l join pg_stat_activity a using (pid)
            where l.locktype = 'advisory' and l.objid = {Key} and not l.granted order by a.xact_start limit 1
            """);
        await using var row = await command.ExecuteReaderAsync();

        return await row.ReadAsync()
            ? new Committer(row.GetInt32(0), row.GetString(1), ulong.Parse(row.GetString(2), CultureInfo.InvariantCulture))
            : null;
    }

    /// <summary>Lets it commit, and returns when it is durable.</summary>
    public async Task LetCommitAsync(Committer committer)
    {
        await LetGoAsync();
        await Eventually.Async(async () => await StatusAsync(committer) == "committed", TimeSpan.FromSeconds(60));
    }

    /// <summary>Ends its connection, so that it never commits, and returns when it is rolled back.</summary>
    public async Task RollBackAsync(Committer committer)
    {
        await using (var command = store.CreateCommand($"select pg_terminate_backend({committer.Backend})"))
        {
            await command.ExecuteNonQueryAsync();
        }

        await Eventually.Async(async () => await StatusAsync(committer) == "aborted", TimeSpan.FromSeconds(60));
    }

    public async ValueTask DisposeAsync()
    {
        await LetGoAsync();
        await ExecuteAsync($"drop trigger held on {table}; drop function {table}_held();");
        await holder.DisposeAsync();
    }

    private async Task LetGoAsync()
    {
        if (!isLetGo)
        {
            isLetGo = true;
            await ExecuteAsync($"select pg_advisory_unlock({Key})");
        }
    }

    private async Task<string?> StatusAsync(Committer committer)
    {
        await using var command = store.CreateCommand($"select pg_xact_status('{committer.Transaction}'::xid8)");
        return await command.ExecuteScalarAsync() as string;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, holder);
        await command.ExecuteNonQueryAsync();
    }
}

/// <summary>A transaction that waits at its commit.</summary>
/// <param name="Backend">PostgreSQL's process for it.</param>
/// <param name="Role">Of the service, such as <c>mesh_vault</c>.</param>
/// <param name="Transaction">Its number.</param>
public sealed record Committer(int Backend, string Role, ulong Transaction);
