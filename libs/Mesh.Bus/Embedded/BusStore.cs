using Mesh.Postgres;
using Npgsql;

namespace Mesh.Bus.Embedded;

/// <summary>Prepares a database for the embedded bus.</summary>
public static class BusStore
{
    /// <summary>Makes the bus's roles and schema, and lets the services use it. Safe to repeat.</summary>
    /// <param name="adminConnection">A superuser of the bus's database.</param>
    /// <param name="password">Of the role <c>mesh_bus</c>, for operators; services use their own logins.</param>
    /// <param name="services">Services whose roles exist already.</param>
    /// <param name="stop">Ends the work.</param>
    public static async Task EnsureAsync(string adminConnection, string password, IEnumerable<string> services, CancellationToken stop = default)
    {
        await Roles.EnsureAsync(adminConnection, BusDbContext.Name, password, stop);
        await Migrator.MigrateAsync<BusDbContext>(adminConnection, stop);
        foreach (var service in services)
        {
            await Roles.GrantBusAsync(adminConnection, service, stop);
        }
    }

    /// <summary>Subscribes a consumer before it ever ran, so that nothing that is sent until then gets lost.</summary>
    public static async Task SubscribeAsync(NpgsqlDataSource bus, string consumer, IReadOnlyCollection<string> types, CancellationToken stop = default)
    {
        // Asked first: a service that starts again writes nothing.
        await using var command = bus.CreateCommand(
            """
            insert into bus.subscription (consumer, type)
            select $1, type from unnest($2) as wanted (type)
            where not exists (select from bus.subscription s where s.consumer = $1 and s.type = wanted.type)
            on conflict do nothing
            """);
        command.Parameters.Add(new() { Value = consumer });
        command.Parameters.Add(new() { Value = types.ToArray() });
        await command.ExecuteNonQueryAsync(stop);
    }
}
