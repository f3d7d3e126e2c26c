using System.Diagnostics;
using Google.Protobuf;
using Mesh.Integrity;
using Mesh.TestKit;
using Npgsql;

namespace Mesh.Bench;

/// <summary>The services behind the orchestrator, asked at their own doors with its certificate and the tool runner's.</summary>
internal sealed class Custody : IDisposable
{
    private const string Tenant = "bench";
    private const string Step = "write#0";

    private readonly PeerCaller orchestrator;
    private readonly PeerCaller runner;
    private readonly Policy.V1.DecisionService.DecisionServiceClient policy;
    private readonly Audit.V1.AppendService.AppendServiceClient audit;
    private readonly Vault.V1.LeaseService.LeaseServiceClient issuing;
    private readonly Vault.V1.LeaseService.LeaseServiceClient redeeming;
    private readonly string workflowVersion;
    private readonly string toolDigest;

    private Custody(PeerCaller orchestrator, PeerCaller runner, string workflowVersion, string toolDigest)
    {
        (this.orchestrator, this.runner, this.workflowVersion, this.toolDigest) = (orchestrator, runner, workflowVersion, toolDigest);
        policy = new(orchestrator.To("policy"));
        audit = new(orchestrator.To("audit"));
        issuing = new(orchestrator.To("vault"));
        redeeming = new(runner.To("vault"));
    }

    /// <summary>After at least one governed task: what the tool and the workflow are is read from its journal.</summary>
    public static async Task<Custody> OpenAsync(DevMesh mesh, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(mesh.StoreConnection());
        await connection.OpenAsync(stop);

        return new Custody(
            PeerCaller.Of(mesh, "orchestrator"),
            PeerCaller.Of(mesh, "toolrunner"),
            (await FactAsync("TaskSubmitted")).TaskSubmitted.WorkflowVersion,
            (await FactAsync("CallRequested")).CallRequested.ToolDigest);

        async Task<Facts.V1.TaskFact> FactAsync(string kind)
        {
            await using var command = new NpgsqlCommand(
                "select j.body from orchestrator.journal j join orchestrator.task t on t.tenant_id = j.tenant_id and t.id = j.task_id where t.workflow = 'write' and j.kind = $1 limit 1",
                connection)
            {
                Parameters = { new() { Value = kind } },
            };

            return Facts.V1.TaskFact.Parser.ParseFrom((byte[])(await command.ExecuteScalarAsync(stop))!);
        }
    }

    /// <summary>Actions that policy has decided on. Their decisions are good for a minute.</summary>
    public async Task<IReadOnlyList<Action>> DecideAsync(int count, int inFlight, CancellationToken stop)
    {
        var actions = Enumerable.Range(0, count).Select(n => ActionOf(Guid.CreateVersion7(), n)).ToArray();
        await AllAsync(actions, inFlight, async action =>
        {
            var request = new Policy.V1.DecideRequest
            {
                Tenant = Tenant,
                Workflow = "write",
                WorkflowVersion = workflowVersion,
                TaskId = action.TaskId,
                Step = Step,
                Tool = "bench.write",
                ToolDigest = toolDigest,
                Arguments = action.Arguments,
                Dispatch = 1,
                Epoch = 1,
                Initiator = "person:bench",
            };
            action.Decision = (await policy.DecideAsync(request, cancellationToken: stop)).Permitted.Decision;
        });

        return actions;
    }

    /// <summary>Appends the intents of the actions, and keeps the receipts. In intents a second.</summary>
    public Task<double> IntentsAsync(IReadOnlyList<Action> actions, int inFlight, CancellationToken stop) => AllAsync(actions, inFlight, async action =>
    {
        var request = new Audit.V1.AppendIntentRequest
        {
            Tenant = Tenant,
            Workflow = "write",
            TaskId = action.TaskId,
            Step = Step,
            Tool = "bench.write",
            Classes = { "write" },
            ActionDigest = action.Digest,
            Dispatch = 1,
            Epoch = 1,
            Purpose = "perform",
            Decision = action.Decision,
        };
        action.Receipt = (await audit.AppendIntentAsync(request, cancellationToken: stop)).Receipt;
    });

    /// <summary>Issues a lease for each action and redeems it. In pairs a second.</summary>
    public Task<double> LeasesAsync(IReadOnlyList<Action> actions, int inFlight, CancellationToken stop) => AllAsync(actions, inFlight, async action =>
    {
        var issue = new Vault.V1.IssueLeaseRequest { Tenant = Tenant, Workflow = "write", TaskId = action.TaskId, ActionDigest = action.Digest, Dispatch = 1, Epoch = 1 };
        var lease = (await issuing.IssueLeaseAsync(issue, cancellationToken: stop)).Lease;
        var redemption = new Vault.V1.RedeemLeaseRequest
        {
            Lease = lease,
            Decision = action.Decision,
            Receipt = action.Receipt,
            ActionDigest = action.Digest,
            Dispatch = 1,
            RunnerInstance = "bench",
            RunnerAddress = "127.0.0.1:1",
            Purpose = "perform",
        };
        await redeeming.RedeemLeaseAsync(redemption, cancellationToken: stop);
    });

    public void Dispose()
    {
        orchestrator.Dispose();
        runner.Dispose();
    }

    private static async Task<double> AllAsync(IReadOnlyList<Action> actions, int inFlight, Func<Action, Task> act)
    {
        var next = -1;
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var n && n < actions.Count)
            {
                await act(actions[n]);
            }
        }));

        return actions.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private Action ActionOf(Guid task, int number)
    {
        var arguments = CanonicalJson.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"key":"k-{{number}}"}"""));
        var digest = ActionDigest.Compute(new ActionDescription
        {
            Tenant = Tenant,
            Workflow = "write",
            WorkflowVersion = ContentDigest.Parse(workflowVersion),
            Task = task,
            Step = Step,
            Tool = "bench.write",
            ToolDigest = ContentDigest.Parse(toolDigest),
            Arguments = arguments,
        });

        return new Action(ByteString.CopyFrom(task.ToByteArray(bigEndian: true)), ByteString.CopyFrom(arguments.Span), ByteString.CopyFrom(digest.Hash.ToArray()));
    }

    /// <summary>One action and what was collected for it so far.</summary>
    internal sealed record Action(ByteString TaskId, ByteString Arguments, ByteString Digest)
    {
        public ByteString Decision { get; set; } = ByteString.Empty;

        public ByteString Receipt { get; set; } = ByteString.Empty;
    }
}
