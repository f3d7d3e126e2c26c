using Mesh.Cli.Dev;
using Npgsql;

namespace Mesh.TestKit;

/// <summary>A cluster that belongs to one test, which may kill and restart it.</summary>
public sealed class OwnPostgres : IAsyncDisposable
{
    private const string Canary = "canary";

    private readonly PrivatePostgres cluster;
    private readonly string folder;

    internal OwnPostgres(PrivatePostgres cluster, string folder)
    {
        this.cluster = cluster;
        this.folder = folder;
    }

    /// <summary>The postmaster.</summary>
    public int Pid => cluster.Pid;

    public string SuperuserConnection(string database = "mesh") => cluster.SuperuserConnection(database);

    public string ConnectionFor(string role, string password, string database = "mesh") =>
        cluster.ConnectionFor(role, password, database);

    /// <summary>kill -9: nothing is flushed, no connection is closed properly.</summary>
    public Task KillAsync() => cluster.KillAsync();

    public Task StartAgainAsync(CancellationToken stop = default) => cluster.StartAsync(stop);

    /// <summary>From here on a commit is made and not confirmed: it waits for a standby that there is not.</summary>
    public async Task WithholdConfirmationsAsync()
    {
        await ExecuteAsync("alter system set synchronous_standby_names = 'nobody'");
        await ExecuteAsync("select pg_reload_conf()");

        // The server takes the setting a moment later: when a commit of ours waits.
        var canary = Task.CompletedTask;
        await Eventually.Async(async () =>
        {
            if (canary.IsCompleted)
            {
                canary = ExecuteAsync($"comment on database mesh is '{Canary}'", Canary);
                _ = canary.ContinueWith(dead => dead.Exception, TaskScheduler.Default);
            }

            return (await WaitingAsync("=")).Length > 0;
        });
    }

    /// <summary>Waits until a commit was made that is not confirmed, and answers by which processes.</summary>
    public async Task<int[]> UnconfirmedAsync()
    {
        int[] pids = [];
        await Eventually.Async(async () => (pids = await WaitingAsync("<>")).Length > 0);

        return pids;
    }

    /// <summary>Ends <see cref="WithholdConfirmationsAsync"/>; what waited is confirmed.</summary>
    public async Task ConfirmAsync()
    {
        await ExecuteAsync("alter system reset synchronous_standby_names");
        await ExecuteAsync("select pg_reload_conf()");
    }

    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task<int[]> WaitingAsync(string isCanary)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(
            $"select coalesce(array_agg(pid), '{{}}') from pg_stat_activity where wait_event = 'SyncRep' and application_name {isCanary} '{Canary}'", connection);

        return (int[])(await command.ExecuteScalarAsync())!;
    }

    private async Task ExecuteAsync(string sql, string name = "")
    {
        await using var connection = await OpenAsync(name);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<NpgsqlConnection> OpenAsync(string name = "")
    {
        var settings = new NpgsqlConnectionStringBuilder(SuperuserConnection()) { Pooling = false, ApplicationName = name };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();

        return connection;
    }
}
