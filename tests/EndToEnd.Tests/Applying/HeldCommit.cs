using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Applying;

/// <summary>A store whose owner can rehearse an apply, but not end one: its commit waits until this is disposed.</summary>
public sealed class HeldCommit : IAsyncDisposable
{
    private readonly AttackedMesh mesh;
    private readonly Npgsql.NpgsqlConnection holder;
    private readonly string table;

    private HeldCommit(AttackedMesh mesh, Npgsql.NpgsqlConnection holder, string table)
    {
        this.mesh = mesh;
        this.holder = holder;
        this.table = table;
    }

    /// <param name="mesh">The mesh whose store it is.</param>
    /// <param name="table">The table whose changes are not committed, such as <c>vault.manifest</c>.</param>
    public static async Task<HeldCommit> OfAsync(AttackedMesh mesh, string table)
    {
        var holder = await mesh.Store.OpenConnectionAsync();
        var held = new HeldCommit(mesh, holder, table);

        // A rehearsal is rolled back, and never comes to what is deferred to the commit.
        await held.ExecuteAsync(
            $"""
            select pg_advisory_lock(424242);
            create function {table}_held() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(424242); return null; end $$;
            create constraint trigger held after insert or update on {table} deferrable initially deferred for each row execute function {table}_held();
            """);
        return held;
    }

    /// <summary>Somebody is at the commit.</summary>
    public async Task<bool> HoldsAsync() =>
        await mesh.CountAsync("select count(*) from pg_locks where locktype = 'advisory' and objid = 424242 and not granted") > 0;

    public async ValueTask DisposeAsync()
    {
        await ExecuteAsync($"select pg_advisory_unlock(424242); drop trigger held on {table}; drop function {table}_held();");
        await holder.DisposeAsync();
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, holder);
        await command.ExecuteNonQueryAsync();
    }
}
