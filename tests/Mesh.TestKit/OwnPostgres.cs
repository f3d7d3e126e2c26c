using Mesh.Cli.Dev;

namespace Mesh.TestKit;

/// <summary>A cluster that belongs to one test, which may kill and restart it.</summary>
public sealed class OwnPostgres : IAsyncDisposable
{
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

    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
