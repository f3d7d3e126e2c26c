using System.Text.RegularExpressions;
using EndToEnd.Tests.Fixture;
using Mesh.TestKit;
using Npgsql;

namespace Crash.Tests;

/// <summary>The refund sample in which a refund must not be sent again, and a mail may: one mesh for all crash points of a bus.</summary>
public abstract partial class CrashMesh : RefundMesh, IAsyncLifetime
{
    private const int KillSignal = 9;
    private const int StopSignal = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>As <c>./mesh dev --bus</c> names it.</summary>
    public abstract string Bus { get; }

    /// <summary>The superuser's way to the store.</summary>
    public NpgsqlDataSource Store { get; private set; } = null!;

    protected override IReadOnlyList<string> Arguments => ["--bus", Bus];

    protected override IReadOnlyDictionary<string, Func<string, string>> Tenants { get; } = new Dictionary<string, Func<string, string>> { [Acme] = SentOnce };

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        Store = NpgsqlDataSource.Create(Node.StoreConnection());

        // An agent is started for its first task, and stays.
        await RestAsync(await StartTaskAsync(await OfferOrderAsync()));
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await (Store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await DisposeAsync();
    }

    /// <summary>Nothing is under way: every service is ready, and all that was told has arrived.</summary>
    public async Task QuietAsync()
    {
        await AllReadyAsync();
        await Eventually.Async(
            async () =>
            {
                await using var command = Store.CreateCommand(
                    """
                    select exists (select from orchestrator.outbox) or exists (select from vault.outbox) or exists (select from policy.outbox)
                        or exists (select from bus.message where state < 2)
                    """);
                return await command.ExecuteScalarAsync() is false;
            },
            Patience);
    }

    /// <summary>The tasks that were submitted for an order, read past the services: also while they are stopped.</summary>
    public async Task<IReadOnlyList<string>> TasksOfAsync(string order)
    {
        await using var command = Store.CreateCommand(
            "select task_id::text from orchestrator.journal where seq = 1 and kind = 'TaskSubmitted' and position(convert_to($1, 'UTF8') in body) > 0");
        command.Parameters.AddWithValue(order);
        var tasks = new List<string>();
        await using var rows = await command.ExecuteReaderAsync();

        while (await rows.ReadAsync())
        {
            tasks.Add(rows.GetString(0));
        }

        return tasks;
    }

    /// <summary>kill -9, and returns when the launcher has seen it die of that.</summary>
    public async Task KillAsync(string service)
    {
        var before = Deaths(service);
        DevMesh.Signal(PidOf(service), KillSignal);
        await Eventually.Async(() => Deaths(service) > before, Patience);
    }

    /// <summary>Stops a service (SIGSTOP) and returns when each of its threads stands still: it reads nothing any more.</summary>
    public async Task StopAsync(string service)
    {
        var pid = PidOf(service);
        DevMesh.Signal(pid, StopSignal);
        await Eventually.Async(
            () => Directory.EnumerateDirectories($"/proc/{pid}/task").All(thread => File.ReadAllText(Path.Combine(thread, "stat")).Contains(") T ", StringComparison.Ordinal)),
            Patience);
    }

    /// <summary>Kills the agent, and returns when it is gone: whatever is submitted now finds nobody who waits for it.</summary>
    public async Task KillAgentAsync()
    {
        var pid = await AgentPidAsync();
        DevMesh.Signal(pid, KillSignal);
        await Eventually.Async(() => !Directory.Exists($"/proc/{pid}"), Patience);
    }

    private int Deaths(string service) => Node.Output.Split($"{service} ended (signal {KillSignal})").Length - 1;

    // The key stays, so that the shop's log shows every sending of a refund; nobody but a person can find out what became of one.
    private static string SentOnce(string text) => Refund().Replace(
        text.Replace("max: 200,", "max: 1000,", StringComparison.Ordinal), "  repeat: {safe: false, key: {header: Idempotency-Key}}\n");

    [GeneratedRegex(@"  repeat: \{safe: true, key: \{header: Idempotency-Key\}\}\n  reconcile: [^\n]*\n")]
    private static partial Regex Refund();
}

/// <summary>On PostgreSQL alone.</summary>
public sealed class PostgresCrashMesh : CrashMesh
{
    public override string Bus => "postgres";
}

/// <summary>With a RabbitMQ of its own.</summary>
public sealed class RabbitCrashMesh : CrashMesh
{
    public override string Bus => "rabbitmq";
}
