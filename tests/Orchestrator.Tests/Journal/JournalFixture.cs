using Mesh.Integrity;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mesh.Orchestrator.Tests.Journal;

/// <summary>A journal on a real database of its own, and two replicas that write to it.</summary>
public sealed class JournalFixture : IAsyncLifetime
{
    private const string Refund = "refund-request";

    private TestDatabase? database;

    internal string Database => database!.Name;

    internal NpgsqlDataSource Store { get; private set; } = null!;

    internal JournalStore One { get; private set; } = null!;

    internal JournalStore Two { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync<OrchestratorDb>("orchestrator");
        Store = StoreRegistration.OpenSource(database.ConnectionFor("orchestrator"));
        One = Open();
        Two = Open();
    }

    public async ValueTask DisposeAsync()
    {
        await One.DisposeAsync();
        await Two.DisposeAsync();
        await Store.DisposeAsync();
        await database!.DisposeAsync();
    }

    internal async Task ExecuteAsync(string sql)
    {
        await using var command = Store.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>A workflow version as apply would store it, or one that nobody can read.</summary>
    internal async Task DeclareAsync(string workflow, string spec)
    {
        await using var command = Store.CreateCommand(
            "insert into orchestrator.workflow_version(tenant_id, workflow, version, spec, tools, tool_digests) values ('acme', $1, 'sha256:00', $2, '{}', '{}')");
        command.Parameters.Add(new() { Value = workflow });
        command.Parameters.Add(new() { Value = System.Text.Encoding.UTF8.GetBytes(spec) });
        await command.ExecuteNonQueryAsync();
    }

    internal async Task<long> CountAsync(string sql)
    {
        await using var command = Store.CreateCommand(sql);

        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Writes that met in one group commit, in this order.</summary>
    internal async Task<IReadOnlyList<JournalAnswer>> WriteInOneBatchAsync(IReadOnlyList<JournalWrite> writes, TimeProvider? clock = null)
    {
        await using var connection = await Store.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var answers = await new JournalWriter(clock ?? TimeProvider.System, new PendingSpans(), new RecentTasks(TimeProvider.System)).WriteAsync(CommitTransaction.Within(transaction), writes, CancellationToken.None);
        await transaction.CommitAsync();

        return answers;
    }

    /// <summary>What a replica does to the task's row that stopped inside its transaction. Disposing ends it.</summary>
    internal Task<NpgsqlConnection> HoldAsync(TaskRow task) => HoldAsync($"id = '{task.Key.Id:D}'");

    /// <summary>The same to all rows that are meant.</summary>
    internal async Task<NpgsqlConnection> HoldAsync(string which)
    {
        var connection = new NpgsqlConnection(database!.SuperuserConnection);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"begin; select 1 from orchestrator.task where {which} for update", connection);
        await command.ExecuteNonQueryAsync();

        return connection;
    }

    /// <summary>A task that an agent holds.</summary>
    internal async Task<(TaskRow Task, ClaimToken Claim)> RunningAsync(string workflow = Refund, JournalStore? at = null)
    {
        var key = new TaskKey("acme", Guid.CreateVersion7());
        var (_, claim) = ClaimToken.New(key.Id);
        var answer = await (at ?? One).AppendAsync(Submission(key, workflow: workflow) with
        {
            Facts = [Submitted(), new TaskClaimed("agent-1", 0)],
            Claim = new NewClaim(claim.Hash, "agent-1", TimeSpan.FromSeconds(30)),
        }, CancellationToken.None);

        return (((JournalAnswer.Written)answer).Task, claim);
    }

    /// <summary>Its agent is lost, and another one holds it.</summary>
    internal async Task<(TaskRow Task, ClaimToken Claim)> ReplaceAsync(TaskRow task)
    {
        var ended = await Two.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.Running),
                Facts = [new TaskClaimEnded(ClaimEnd.Expired)],
            },
            CancellationToken.None);
        var (_, next) = ClaimToken.New(task.Key.Id);
        var claimed = await Two.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(((JournalAnswer.Written)ended).Task.Epoch, TaskState.Ready),
                Facts = [new TaskClaimed("agent-2", 0)],
                Claim = new NewClaim(next.Hash, "agent-2", TimeSpan.FromSeconds(30)),
            },
            CancellationToken.None);

        return (((JournalAnswer.Written)claimed).Task, next);
    }

    internal static JournalWrite Submission(TaskKey key, RequestKey? request = null, string workflow = Refund) => new()
    {
        Task = key,
        Fence = new Fence.Birth(),
        Facts = [Submitted()],
        Request = request,
        Creates = new TaskRow
        {
            Key = key,
            Workflow = workflow,
            WorkflowVersion = "sha256:00",
            Initiator = "person:ann",
            State = TaskState.Ready,
            Epoch = 0,
            Seq = 0,
            Attempt = 0,
            Steps = 0,
            CreatedAt = TaskRows.Now(TimeProvider.System),
            Deadline = TaskRows.Now(TimeProvider.System).AddDays(7),
        },
    };

    internal static JournalWrite Step(TaskRow task, ClaimToken claim, string step, int position, int seen = 0) => new()
    {
        Task = task.Key,
        Fence = new Fence.Claim(claim.Hash),
        Step = StepKey.TryParse(step, out var key) ? key : throw new ArgumentException(step, nameof(step)),
        StepFactsSeen = seen,
        Facts = [new StepRecorded(position, "1"u8.ToArray())],
    };

    internal static ActionDigest AnyDigest { get; } = new(Hash256.Of("any"u8));

    private static TaskSubmitted Submitted() => new("refund-request", "sha256:00", "{}"u8.ToArray(), "person:ann", "", "sha256:00", []);

    /// <summary>One more replica; whoever asks for it ends it.</summary>
    internal JournalStore Open(TimeProvider? clock = null)
    {
        clock ??= new Unhurried();
        var (spans, recent) = (new PendingSpans(), new RecentTasks(clock));

        return new JournalStore(
            Store, new JournalWriter(clock, spans, recent), new OutboxSignal(), spans, recent, new CallsUnderWay(Lives.New()), clock, NullLogger<JournalStore>.Instance);
    }

    /// <summary>The time of day is right, and nothing ever lasts: on a busy machine too, what was heard of is fresh.</summary>
    private sealed class Unhurried : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}
