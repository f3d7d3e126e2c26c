using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.TestKit;

/// <summary>A database of a test class's own: a copy of a template that was migrated once.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<string, Lazy<Task>> Templates = new();

    private readonly string admin;

    private TestDatabase(string admin, string name)
    {
        this.admin = admin;
        Name = name;
        SuperuserConnection = Of(admin, name);
    }

    public string Name { get; }

    public string SuperuserConnection { get; }

    /// <summary>A new, empty database.</summary>
    public static async Task<TestDatabase> CreateAsync()
    {
        var admin = await TestPostgres.SuperuserConnectionAsync();

        return await CopyAsync(admin, "template1");
    }

    /// <summary>A new database with one service's roles and migrated schema.</summary>
    public static Task<TestDatabase> CreateAsync<TContext>(string service)
        where TContext : MeshDbContext => CreateAsync(
            $"{service}_{typeof(TContext).Module.ModuleVersionId:N}",
            async admin =>
            {
                await Roles.EnsureAsync(admin, service, PasswordOf(admin, service));
                await Migrator.MigrateAsync<TContext>(admin);
            });

    /// <summary>A new database from a template of your own, which is made once per cluster.</summary>
    /// <param name="template">Its name; it MUST change when what <paramref name="fill"/> does changes.</param>
    /// <param name="fill">Is given a superuser's connection to the empty template.</param>
    public static async Task<TestDatabase> CreateAsync(string template, Func<string, Task> fill)
    {
        var admin = await TestPostgres.SuperuserConnectionAsync();
        var name = $"template_{template}";
        await Templates.GetOrAdd(name, _ => new(() => MakeTemplateAsync(admin, name, fill))).Value;

        return await CopyAsync(admin, name);
    }

    /// <summary>The password that a service's role has in the test cluster.</summary>
    public static string PasswordOf(string superuserConnection, string service)
    {
        // Derived, so that test processes that share a cluster agree on it.
        var secret = new NpgsqlConnectionStringBuilder(superuserConnection).Password ?? "";

        return Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(service)));
    }

    /// <summary>The connection that the service itself would use.</summary>
    public string ConnectionFor(string service) => new NpgsqlConnectionStringBuilder(SuperuserConnection)
    {
        Username = Roles.LoginOf(service),
        Password = PasswordOf(admin, service),
        Pooling = true,
    }.ConnectionString;

    public async ValueTask DisposeAsync() => await ExecuteAsync(admin, $"drop database if exists {Name} with (force)");

    private static async Task<TestDatabase> CopyAsync(string admin, string template)
    {
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync(admin, $"create database {name} template {template}");

        // A copy has the rows of its template, but not the grants on the database itself.
        await ExecuteAsync(
            admin,
            $"""
            do $grants$ declare login text; begin
              for login in select grantee::regrole::text from pg_database, aclexplode(datacl)
                           where datname = '{template}' and grantee <> 0 and privilege_type = 'CONNECT' and datname <> 'template1' loop
                revoke all on database {name} from public;
                execute format('grant connect on database {name} to %s', login);
              end loop;
            end $grants$;
            """);

        return new(admin, name);
    }

    private static async Task MakeTemplateAsync(string admin, string name, Func<string, Task> fill)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync();

        // Other test processes may share the cluster: the first makes it, the others find it.
        await using (var turn = new NpgsqlCommand($"select pg_advisory_lock(hashtextextended('{name}', 0))", connection))
        {
            await turn.ExecuteNonQueryAsync();
        }

        await using var exists = new NpgsqlCommand($"select exists (select from pg_database where datname = '{name}')", connection);
        if (!(bool)(await exists.ExecuteScalarAsync())!)
        {
            // Renamed when it is complete: a crash in between leaves no half template under this name.
            var draft = $"draft_{Guid.NewGuid():N}";
            await ExecuteAsync(admin, $"create database {draft}");
            await fill(Of(admin, draft));
            await ExecuteAsync(admin, $"alter database {draft} rename to {name}");
        }

        await using var done = new NpgsqlCommand("select pg_advisory_unlock_all()", connection);
        await done.ExecuteNonQueryAsync();
    }

    // Pooling is off: a pooled connection to a template would stand in the way of copying it.
    private static string Of(string admin, string database) =>
        new NpgsqlConnectionStringBuilder(admin) { Database = database, Pooling = false }.ConnectionString;

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
