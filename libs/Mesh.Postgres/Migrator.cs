using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Brings a service's schema to what this program knows, and says whether it is there.</summary>
public static class Migrator
{
    private const int Attempts = 100;
    private static readonly TimeSpan LockWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Runs the missing migrations as the schema's owner, one process at a time; answers how many were run.</summary>
    /// <param name="adminConnection">A role that may become the owner: a superuser, or a member of the owner.</param>
    /// <param name="stop">Ends the work; a migration that is not finished leaves nothing.</param>
    /// <exception cref="SchemaBlockedException">Another session, such as a backup, held a lock for five minutes.</exception>
    public static async Task<int> MigrateAsync<TContext>(string adminConnection, CancellationToken stop = default)
        where TContext : MeshDbContext
    {
        var schema = SchemaOf<TContext>();
        await using var connection = new NpgsqlConnection(AsOwner(adminConnection, schema));
        await connection.OpenAsync(stop);

        // Held until the connection closes, so that of two processes the second finds the work done.
        await ExecuteAsync(connection, $"select pg_advisory_lock({AdvisoryLocks.Migrations} # hashtext('{schema}'))", stop);

        // Asking EF Core costs half a second of start-up even when there is nothing to do; asking the table costs nothing.
        var missing = await MissingAsync<TContext>(connection, schema, stop);
        if (missing.Count == 0)
        {
            return 0;
        }

        await using var context = Open<TContext>(options => options.UseNpgsql(connection));
        await MigrateAsync(context, connection, stop);

        // The service reads its history to know whether it is ready. It has no business writing it.
        await ExecuteAsync(connection, $"revoke insert, update, delete on {schema}.{MeshDbContext.HistoryTable} from {Roles.LoginOf(schema)}", stop);

        return missing.Count;
    }

    /// <summary>Whether every migration that this program knows was run. A schema that is further on is fine: changes expand first.</summary>
    public static async Task<bool> IsCurrentAsync<TContext>(NpgsqlDataSource store, CancellationToken stop = default)
        where TContext : MeshDbContext
    {
        await using var connection = await store.OpenConnectionAsync(stop);

        return (await MissingAsync<TContext>(connection, SchemaOf<TContext>(), stop)).Count == 0;
    }

    // Whoever waits for a lock has all others wait behind it, the services too. So a migration soon gives up, lets them pass, and comes again.
    private static async Task MigrateAsync(MeshDbContext context, NpgsqlConnection connection, CancellationToken stop)
    {
        await ExecuteAsync(connection, $"set lock_timeout = {LockWait.TotalMilliseconds}", stop);

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await context.Database.MigrateAsync(stop);
                return;
            }
            catch (Exception blocked) when (IsBlocked(blocked))
            {
                if (attempt == Attempts)
                {
                    throw new SchemaBlockedException(
                        $"The schema {context.Schema} cannot be changed: another session (a backup, an open transaction) holds a lock on it. Run it again when that is over.", blocked);
                }

                await Task.Delay(Pause, stop);
            }
        }
    }

    // EF Core puts what could pass by itself into an exception of its own.
    private static bool IsBlocked(Exception thrown) =>
        (thrown as PostgresException ?? thrown.InnerException as PostgresException)?.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected;

    private static async Task<List<string>> MissingAsync<TContext>(NpgsqlConnection connection, string schema, CancellationToken stop)
    {
        var missing = typeof(TContext).Assembly.GetTypes()
            .Where(type => type.GetCustomAttribute<DbContextAttribute>()?.ContextType == typeof(TContext))
            .Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id)
            .OfType<string>()
            .ToHashSet(StringComparer.Ordinal);
        await using var exists = new NpgsqlCommand($"select to_regclass('{schema}.{MeshDbContext.HistoryTable}') is not null", connection);
        if ((bool)(await exists.ExecuteScalarAsync(stop))!)
        {
            await using var history = new NpgsqlCommand($"select \"MigrationId\" from {schema}.{MeshDbContext.HistoryTable}", connection);
            await using var rows = await history.ExecuteReaderAsync(stop);
            while (await rows.ReadAsync(stop))
            {
                missing.Remove(rows.GetString(0));
            }
        }

        return [.. missing];
    }

    private static string AsOwner(string adminConnection, string schema)
    {
        var connection = new NpgsqlConnectionStringBuilder(adminConnection) { Pooling = false, CommandTimeout = 0, Enlist = false };
        connection.Options = $"{connection.Options} -c role={Roles.OwnerOf(schema)} -c search_path={schema}".Trim();

        return connection.ConnectionString;
    }

    private static string SchemaOf<TContext>()
        where TContext : MeshDbContext
    {
        using var context = Open<TContext>(_ => { });

        return context.Schema;
    }

    private static TContext Open<TContext>(Action<DbContextOptionsBuilder> configure)
        where TContext : MeshDbContext
    {
        var options = new DbContextOptionsBuilder<TContext>();
        configure(options);

        return (TContext)Activator.CreateInstance(typeof(TContext), options.Options)!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(stop);
    }
}
