using Mesh.Postgres;
using Mesh.TestKit;
using Npgsql;

namespace Postgres.Tests;

/// <summary>A migrated database of the notes service, one per test class.</summary>
public sealed class NoteStore : IAsyncLifetime
{
    private TestDatabase? database;
    private NpgsqlDataSource? source;

    public TestDatabase Database => database!;

    public NpgsqlDataSource Source => source!;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync<NoteDbContext>(NoteDbContext.Service);
        source = StoreRegistration.OpenSource(database.ConnectionFor(NoteDbContext.Service));
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Database.DisposeAsync();
    }
}

internal static class Sql
{
    public static async Task<T> ScalarAsync<T>(this NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);

        return (T)(await command.ExecuteScalarAsync())!;
    }

    public static async Task ExecuteAsync(this NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
