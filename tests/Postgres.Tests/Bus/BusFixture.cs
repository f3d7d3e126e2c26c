using Mesh.Bus;
using Mesh.Bus.Embedded;
using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>What the contract needs to know of a transport: how to open it, and how to make a crash visible at once.</summary>
public abstract class BusFixture : IAsyncLifetime
{
    private TestDatabase? database;
    private NpgsqlDataSource? store;

    /// <summary>The store of the service that sends and receives.</summary>
    public NpgsqlDataSource Store => store!;

    public string ConnectionString => Database.ConnectionFor(NoteDbContext.Service);

    protected TestDatabase Database => database!;

    /// <summary>The bus as one process would open it.</summary>
    public abstract IBusTransport Open(RetryPauses pauses);

    public abstract IDeadLetters DeadLetters(IBusTransport bus);

    /// <summary>The service's login by one connection, which ends when this is disposed.</summary>
    public NpgsqlDataSource OneConnection() => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(ConnectionString) { MaxPoolSize = 1 });

    public abstract IQueueDepths Depths(IBusTransport bus);

    /// <summary>Makes the bus give out again what a dead consumer holds, without waiting for its patience to end.</summary>
    public abstract Task ForgetDeadConsumersAsync();

    /// <summary>Whether anybody may use the database; who does is thrown out when nobody may.</summary>
    public async Task LetInAsync(bool isOpen)
    {
        await using var server = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(Database.SuperuserConnection) { Database = "postgres", Pooling = false });
        await server.ExecuteAsync($"alter database {Database.Name} allow_connections {(isOpen ? "true" : "false")}");
        await (isOpen ? Task.CompletedTask : server.ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{Database.Name}'"));
    }

    public virtual async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync(
            $"notes_bus_{typeof(BusFixture).Module.ModuleVersionId:N}_{typeof(BusDbContext).Module.ModuleVersionId.ToString("N")[..8]}",
            async admin =>
            {
                await Roles.EnsureAsync(admin, NoteDbContext.Service, TestDatabase.PasswordOf(admin, NoteDbContext.Service));
                await Migrator.MigrateAsync<NoteDbContext>(admin);
                await BusStore.EnsureAsync(admin, TestDatabase.PasswordOf(admin, "bus"), [NoteDbContext.Service]);
            });
        store = StoreRegistration.OpenSource(database.ConnectionFor(NoteDbContext.Service));
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Database.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The embedded bus, in the same database as the store, by the service's own login.</summary>
public sealed class EmbeddedBusFixture : BusFixture
{
    public string SuperuserConnection => Database.SuperuserConnection;

    public override IBusTransport Open(RetryPauses pauses) => new EmbeddedBus(ConnectionString, pauses, NullLoggerFactory.Instance);

    public override IDeadLetters DeadLetters(IBusTransport bus) => ((EmbeddedBus)bus).DeadLetters;

    public override IQueueDepths Depths(IBusTransport bus) => ((EmbeddedBus)bus).Depths;

    public override Task ForgetDeadConsumersAsync() =>
        Store.ExecuteAsync("update bus.message set not_before = clock_timestamp() - interval '1 s' where state = 1");
}

/// <summary>RabbitMQ, with a server of its own.</summary>
public sealed class RabbitBusFixture : BusFixture
{
    private OwnRabbit? server;

    public OwnRabbit Server => server!;

    public override IBusTransport Open(RetryPauses pauses) => new RabbitBus(Server.Url, Store, pauses, NullLoggerFactory.Instance);

    public override IDeadLetters DeadLetters(IBusTransport bus) => ((RabbitBus)bus).DeadLetters;

    public override IQueueDepths Depths(IBusTransport bus) => ((RabbitBus)bus).Depths;

    public override async Task ForgetDeadConsumersAsync()
    {
        await Server.ControlAsync("close_all_connections", "a test forgets its dead consumers");
        await Store.ExecuteAsync("update deferred set not_before = clock_timestamp() - interval '1 s' where state = 1");
    }

    public override async ValueTask InitializeAsync()
    {
        server = await OwnRabbit.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Server.DisposeAsync();
    }
}
