using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Mesh.Audit;
using Mesh.Audit.Checkpoints;
using Mesh.Audit.Intake;
using Mesh.Audit.Proofs;
using Mesh.Audit.Schema;
using Mesh.Audit.Sequencing;
using Mesh.Bus;
using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Audit.Tests;

/// <summary>The parts of one audit replica over a given store, signing with a key of the test's.</summary>
internal sealed class Replica : IAsyncDisposable
{
    public const string Domain = "mesh.test";

    private readonly ServiceProvider meters = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public Replica(string connectionString, byte[] seed, string? anchor = null)
    {
        Seed = [.. seed];
        Store = StoreRegistration.OpenSource(connectionString);
        var key = SigningKey.FromSeed(seed.ToArray());
        Receipts = new NoteSigner($"{Domain}/audit", key).Verifier;
        Signers = new LogSigners(Domain, key, () => [Receipts]);
        Metrics = new AuditMetrics(meters.GetRequiredService<IMeterFactory>());
        Grown = new GrownLogs();
        Sequencer = new Sequencer(Store, Grown, Metrics, NullLogger<Sequencer>.Instance);
        Flow = new AppendFlow(new DecisionCheck(Domain, () => [Some.Policy.Verifier], TimeProvider.System), Sequencer, Signers, Metrics, TimeProvider.System);
        Delivery = new Delivery(Store, [new FactsHandler(Flow, NullLogger<FactsHandler>.Instance)], NullLogger<Delivery>.Instance);
        Checkpoints = new CheckpointFlow(Store, Signers, new Anchor(anchor));
        Proofs = new ProofFlow(Store);
    }

    public byte[] Seed { get; }

    public NpgsqlDataSource Store { get; }

    public NoteVerifier Receipts { get; }

    public LogSigners Signers { get; }

    public AuditMetrics Metrics { get; }

    public GrownLogs Grown { get; }

    public Sequencer Sequencer { get; }

    public AppendFlow Flow { get; }

    public Delivery Delivery { get; }

    public CheckpointFlow Checkpoints { get; }

    public ProofFlow Proofs { get; }

    public Task<IReadOnlyList<DeliveryOutcome>> DeliverAsync(params Envelope[] messages) => Delivery.DeliverAsync("audit", messages, Stop);

    public async Task RecordAsync(params Envelope[] messages) =>
        Assert.All(await DeliverAsync(messages), outcome => Assert.IsType<DeliveryOutcome.Done>(outcome));

    public Task<IReadOnlyList<LogEntry>> EntriesAsync(string tenant, Guid? task = null) => Proofs.ListAsync(tenant, 0, 1_000, task, Stop);

    public async Task<ReceiptTicket> AppendAsync(Intent intent)
    {
        var result = await Flow.AppendIntentAsync(intent, Stop);
        var durable = Assert.IsType<IntentResult.Durable>(result);
        Assert.True(ReceiptTicket.TryVerify(durable.Receipt.Note, [Receipts], out var ticket, out _));
        return ticket;
    }

    public async Task<Checkpoint> SignAsync(string tenant)
    {
        await Checkpoints.AdvanceAsync(tenant, Stop);

        var newest = await Proofs.NewestAsync(tenant, Stop);
        return Signers.Verify(tenant, newest!.Note)!;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Store.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        await Sequencer.DisposeAsync();
        await Store.DisposeAsync();
        await meters.DisposeAsync();
    }
}

/// <summary>A migrated database of a test class's own.</summary>
public sealed class Installation : IAsyncLifetime
{
    private readonly byte[] seed = RandomNumberGenerator.GetBytes(SigningKey.SeedLength);
    private TestDatabase? database;

    internal TestDatabase Database => database!;

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync<AuditDbContext>(AuditDbContext.Service);

    internal Replica Open(string? anchor = null) => new(Database.ConnectionFor(AuditDbContext.Service), seed, anchor);

    internal async Task<string?> AsSuperuserAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Database.SuperuserConnection);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"set search_path to audit; {sql}", connection);
        return (await command.ExecuteScalarAsync())?.ToString();
    }

    public async ValueTask DisposeAsync() => await Database.DisposeAsync();
}
