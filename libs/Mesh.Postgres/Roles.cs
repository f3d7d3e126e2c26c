using Npgsql;

namespace Mesh.Postgres;

/// <summary>The two roles and the schema of a service: an owner that nobody logs in as, and a login that owns nothing.</summary>
public static class Roles
{
    /// <summary>The role that owns a service's schema. Migrations run as it.</summary>
    public static string OwnerOf(string service) => $"mesh_{Checked(service)}_owner";

    /// <summary>The role that a service logs in as: rows only, no definitions.</summary>
    public static string LoginOf(string service) => $"mesh_{Checked(service)}";

    /// <summary>Makes what is missing, sets the password, and repeats every grant. Safe to repeat and to run at once.</summary>
    /// <param name="adminConnection">A superuser of the service's database, or a role that may create roles and schemas.</param>
    /// <param name="service">The service, which is also the name of its schema.</param>
    /// <param name="password">The login's password; only its verifier is sent.</param>
    /// <param name="stop">Ends the work.</param>
    public static async Task EnsureAsync(string adminConnection, string service, string password, CancellationToken stop = default)
    {
        var owner = OwnerOf(service);
        var login = LoginOf(service);
        var verifier = ScramVerifier.Of(password);

        // Names and verifier are checked above: lower-case letters, digits and base64. DDL takes no parameters.
        var sql = $"""
            do $roles$ begin
              if not exists (select from pg_roles where rolname = '{owner}') then create role {owner} nologin; end if;
              if not exists (select from pg_roles where rolname = '{login}') then create role {login}; end if;
              if not (select rolsuper from pg_roles where rolname = current_user) then
                execute format('grant {owner} to %I', current_user);
              end if;
              if not exists (select from pg_namespace where nspname = '{service}') then
                create schema {service} authorization {owner};
              end if;
              execute format('revoke all on database %I from public', current_database());
              execute format('grant connect on database %I to {login}', current_database());
            end $roles$;
            alter role {login} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password '{verifier}';
            alter role {login} set search_path to {service};
            -- Who stops inside a transaction, also by a debugger or a swapped-out machine, holds its rows no longer than this.
            alter role {login} set idle_in_transaction_session_timeout to '5s';
            grant usage on schema {service} to {login};
            alter default privileges for role {owner} in schema {service} grant select, insert, update, delete on tables to {login};
            alter default privileges for role {owner} in schema {service} grant usage on sequences to {login};
            alter default privileges for role {owner} revoke execute on functions from public;
            alter default privileges for role {owner} in schema {service} grant execute on functions to {login};
            """;
        await RunAsync(adminConnection, sql, stop);
    }

    /// <summary>Lets a service send and receive on the embedded bus with its own login (see <c>BusStore</c>).</summary>
    public static Task GrantBusAsync(string adminConnection, string service, CancellationToken stop = default) =>
        RunAsync(
            adminConnection,
            $"""
            grant {LoginOf("bus")} to {LoginOf(service)};
            do $bus$ begin
              execute format('grant connect on database %I to {LoginOf(service)}', current_database());
            end $bus$;
            """,
            stop);

    private static async Task RunAsync(string adminConnection, string sql, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(adminConnection);
        await connection.OpenAsync(stop);

        // Roles belong to the cluster, advisory locks to one database: two databases can still collide, and then one repeats.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var command = new NpgsqlCommand($"begin; select pg_advisory_xact_lock({AdvisoryLocks.Roles}); {sql} commit;", connection);
                await command.ExecuteNonQueryAsync(stop);

                return;
            }
            catch (PostgresException error) when (attempt < 20 && IsCollision(error))
            {
                await using var undo = new NpgsqlCommand("rollback", connection);
                await undo.ExecuteNonQueryAsync(stop);
                await Task.Delay(Random.Shared.Next(5, 25 * attempt), stop);
            }
        }
    }

    private static bool IsCollision(PostgresException error) =>
        error.SqlState is PostgresErrorCodes.DuplicateObject or PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DeadlockDetected
        || (error.SqlState == PostgresErrorCodes.InternalError && error.MessageText.Contains("concurrently", StringComparison.Ordinal));

    private static string Checked(string service) =>
        service.Length is > 0 and < 40 && service.All(sign => sign is >= 'a' and <= 'z' or >= '0' and <= '9' or '_') && char.IsAsciiLetter(service[0])
            ? service
            : throw new ArgumentException($"'{service}' is not the name of a service.", nameof(service));
}
