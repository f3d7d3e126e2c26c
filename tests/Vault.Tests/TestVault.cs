using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Mesh.Vault.Definitions;
using Mesh.Vault.Leases;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;
using Mesh.Vault.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mesh.Vault.Tests;

/// <summary>The vault without its door: the real parts on a real database, unsealed.</summary>
internal sealed class TestVault : IAsyncDisposable
{
    public const string Tenant = "acme";
    public const string Secret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

    public static readonly SpiffeId Runner = new(TestKeys.Domain, "toolrunner");
    public static readonly SecretName SecretName = new("payments", "payments-key");

    private readonly IAsyncDisposable? database;
    private readonly TestKeys keyFiles = TestKeys.Create();
    private readonly OutboxSignal outbox = new();

    private TestVault(string connection, IAsyncDisposable? database)
    {
        this.database = database;
        Source = StoreRegistration.OpenSource(connection);
        Seal = new VaultSeal(RootKeyFile.Read(keyFiles.Of("vault")), Source, NullLogger<VaultSeal>.Instance);
        Secrets = new SecretStore(Source, outbox);
        Definitions = new DefinitionStore(Source);
        Manifests = new ManifestIntake(Source, TimeProvider.System);
        Leases = new LeaseStore(Source, outbox, new VaultOptions(), NullLogger<LeaseStore>.Instance);
        Fences = new FenceStore(Source, outbox, new VaultOptions());
        var trust = new TrustStore(keyFiles.Of("vault"), TimeProvider.System, NullLogger<TrustStore>.Instance);
        Flow = new RedeemFlow(
            Seal,
            new TicketCheck(trust, new MeshServiceOptions { Domain = TestKeys.Domain }, TimeProvider.System),
            Definitions,
            Leases,
            new ReplayAlarm(Source, outbox, TimeProvider.System, NullLogger<ReplayAlarm>.Instance),
            NullLogger<RedeemFlow>.Instance);
        Notary = new Notary(keyFiles);
    }

    public NpgsqlDataSource Source { get; }

    public VaultSeal Seal { get; }

    public VaultKeys Keys => Seal.TryGetKeys(out var keys) ? keys : throw new InvalidOperationException("sealed");

    public SecretStore Secrets { get; }

    public DefinitionStore Definitions { get; }

    public ManifestIntake Manifests { get; }

    public LeaseStore Leases { get; }

    public FenceStore Fences { get; }

    public RedeemFlow Flow { get; }

    public Notary Notary { get; }

    public static async Task<TestVault> StartAsync()
    {
        var database = await TestDatabase.CreateAsync<VaultDbContext>("vault");
        return await StartAsync(database.ConnectionFor("vault"), database);
    }

    public static async Task<TestVault> StartAsync(string connection, IAsyncDisposable? database = null)
    {
        var vault = new TestVault(connection, database);
        Assert.True(await vault.Seal.UnsealAsync(TestContext.Current.CancellationToken));
        await vault.ApplyAsync(SampleManifests.Of(Tenant));
        await vault.PutAsync(Tenant, SecretName, Secret);
        return vault;
    }

    public async Task ApplyAsync(IReadOnlyList<Manifests.ManifestDocument> documents)
    {
        var outcome = await Manifests.ApplyAsync([.. documents.Select(document => new SubmittedManifest(document, "sample.yaml"))], generation: null, validateOnly: false, default);
        Assert.IsType<IntakeOutcome.Applied>(outcome);
    }

    public async Task<PutOutcome> PutAsync(string tenant, SecretName name, string value, string requestId = "")
    {
        using var secret = SecretBytes.CopyOf(System.Text.Encoding.UTF8.GetBytes(value));
        return await Secrets.PutAsync(tenant, name, secret, "person:ada", requestId, Keys, default);
    }

    public Task<IssuedLease> IssueAsync(LeaseTerms terms) => Leases.IssueAsync(terms, Runner.ToString(), Keys, default);

    /// <summary>Redeems with tickets that are right, unless they are given.</summary>
    public Task<RedeemOutcome> RedeemAsync(IssuedLease lease, LeaseTerms terms, byte[]? decision = null, byte[]? receipt = null, SpiffeId? caller = null,
        TicketPurpose purpose = TicketPurpose.Perform) =>
        Flow.RunAsync(
            new RedeemRequest(
                caller ?? Runner, lease.Token, decision ?? Notary.Decide(terms), receipt ?? Notary.Attest(terms), terms.Action, terms.Dispatch, purpose,
                new RunnerProcess("runner-1", "127.0.0.1:7315")),
            default);

    /// <summary>Fences what was dispatched just now, unless another time is given.</summary>
    public Task<Fenced> FenceAsync(FenceScope scope, DateTimeOffset? since = null) => Fences.FenceAsync(scope, since ?? DateTimeOffset.UtcNow, default);

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task<int> ExecuteAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Seal.Dispose();
        await Source.DisposeAsync();
        outbox.Dispose();
        keyFiles.Dispose();

        if (database is not null)
        {
            await database.DisposeAsync();
        }
    }
}
