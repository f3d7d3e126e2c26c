using System.Diagnostics;
using System.Security.Cryptography;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Orchestrator.Intake;

/// <summary>Starts tasks: asks policy, then writes the task, its first checkpoint and the request key in one transaction.</summary>
/// <remarks>
/// When an agent waits at this replica, the task is written already claimed for it: one commit instead of two, and it
/// never enters the backlog.
/// </remarks>
internal sealed class TaskStarter(
    Catalog catalog, PolicyGate policy, JournalStore journal, WorkOffers offers, TimeProvider clock)
{
    /// <summary>What a request key started before; null when nothing was. Another body under the key is refused.</summary>
    public async Task<StartAnswer?> FindAsync(StartRequest request, CancellationToken stop) =>
        RequestKeyOf(request) is { } key && await journal.FindRequestAsync(key, stop) is { } existed ? Existed(existed) : null;

    public async Task<StartAnswer> StartAsync(StartRequest request, CancellationToken stop)
    {
        var answer = await TryStartAsync(request, stop);

        // A repeat is answered as the first time, whatever has changed since. The transaction recognises it; one that is refused
        // before is looked up here.
        return answer is StartAnswer.Refused && await FindAsync(request, stop) is { } first ? first : answer;
    }

    /// <summary>Starts tasks in a transaction that somebody else ends. Whoever does calls <c>Committed</c> then, and stirs <see cref="WorkOffers"/> for those that were started.</summary>
    /// <remarks>All of them in one write: it locks the request keys in one order, as every other writer does.</remarks>
    public async Task<(IReadOnlyList<StartAnswer> Answers, Action Committed)> StartWithinAsync(
        NpgsqlTransaction effect, IReadOnlyList<StartRequest> requests, CancellationToken stop)
    {
        var admissions = await Task.WhenAll(requests.Select(request => AdmitInItsTraceAsync(request, stop)));
        JournalWrite[] births = [.. requests.Zip(admissions).Where(one => one.Second.Refusal is null).Select(one => BirthOf(one.First, one.Second))];
        var (outcomes, committed) = await journal.AppendWithinAsync(effect, births, stop);
        var written = new Queue<JournalAnswer>(outcomes);
        var answers = new List<StartAnswer>(requests.Count);

        foreach (var (request, admission) in requests.Zip(admissions))
        {
            answers.Add(admission.Refusal is { } refusal
                ? await FindAsync(request, stop) ?? new StartAnswer.Refused(refusal)
                : Read(written.Dequeue()));
        }

        return (answers, committed);
    }

    private async Task<StartAnswer> TryStartAsync(StartRequest request, CancellationToken stop)
    {
        using var trace = TraceOf(request);
        var admission = await AdmitAsync(request, stop);

        return admission.Refusal is { } refusal ? new StartAnswer.Refused(refusal) : await SubmitAsync(request, admission, trace);
    }

    // Of several that came together, each belongs to a trace of its own.
    private async Task<Admission> AdmitInItsTraceAsync(StartRequest request, CancellationToken stop)
    {
        using var trace = TraceOf(request);

        return await AdmitAsync(request, stop);
    }

    private static Activity? TraceOf(StartRequest request) => MeshTraces.StartIn(MeshSemantics.Orchestrator, request.TraceParent)
        ?.SetTag(MeshSemantics.Tenant, request.Tenant).SetTag(MeshSemantics.Workflow, request.Workflow);

    private async Task<Admission> AdmitAsync(StartRequest request, CancellationToken stop)
    {
        var startedAt = clock.GetUtcNow();
        var started = Stopwatch.GetTimestamp();

        if (await catalog.FindCurrentAsync(request.Tenant, request.Workflow, stop) is not { } workflow)
        {
            return Refuse(StatusCode.NotFound, Reason.WorkflowNotFound, $"There is no workflow {request.Workflow} in the tenant {request.Tenant}.");
        }

        if (InputRefusal(workflow, request) is { } mismatch)
        {
            return new Admission(mismatch);
        }

        switch (await policy.AdmitAsync(request.Tenant, workflow, request.Initiator, request.Input, stop))
        {
            case PolicyAnswer.Silent silent:
                return new Admission(silent.Error);

            case PolicyAnswer.Decided { Decision: Decision.Permitted permitted, Span: var decided }:
                var arrival = request.Arrival is null ? Array.Empty<Span>() : [request.Arrival];
                var intake = new Span(MeshSemantics.Orchestrator, workflow.Name, "accepted", startedAt, Stopwatch.GetElapsedTime(started));

                return new Admission(null, workflow, permitted.Why, [.. arrival, decided, intake]);

            case PolicyAnswer.Decided { Decision: Decision.Denied denied }:
                return Refuse(StatusCode.PermissionDenied, Reason.PolicyDenied, denied.Message, ("rule", denied.Why.DecidedBy));

            default:
                throw new UnreachableException("Admission knows two answers and silence.");
        }
    }

    private async Task<StartAnswer> SubmitAsync(StartRequest request, Admission admission, Activity? trace)
    {
        var birth = BirthOf(request, admission);
        trace?.SetTag(MeshSemantics.TaskId, birth.Task.Id.ToString("D"));
        var key = birth.Creates!.WorkflowKey;
        var poll = offers.TryReserve(key);
        var (claim, token) = ClaimToken.New(birth.Task.Id);
        var delivered = false;

        try
        {
            var answer = await journal.AppendAsync(
                poll is null ? birth : birth with
                {
                    Facts = [.. birth.Facts, new TaskClaimed(poll.Agent.Instance, 0)],
                    Claim = new NewClaim(token.Hash, poll.Agent.Instance, Claims.Lasts),
                },

                // Not the caller's patience: a claim that was committed must reach the agent that it was made for.
                CancellationToken.None);

            if (answer is JournalAnswer.Written { Task: var row })
            {
                if (poll is not null)
                {
                    using (var handing = WorkItems.Trace(row))
                    {
                        poll.Deliver(WorkItems.First(row, claim, request.Input, handing));
                    }

                    delivered = true;
                }
                else
                {
                    offers.Stir(key);
                }
            }

            return Read(answer);
        }
        finally
        {
            if (poll is not null && !delivered)
            {
                offers.GiveBack(poll);

                // What became ready while the poll was held for this task has found nobody waiting.
                offers.Stir(key);
            }
        }
    }

    private JournalWrite BirthOf(StartRequest request, Admission admission)
    {
        var task = new TaskKey(request.Tenant, Guid.CreateVersion7(clock.GetUtcNow()));
        var (workflow, why) = (admission.Workflow!, admission.Why!);

        return new JournalWrite
        {
            Task = task,
            Fence = new Fence.Birth(),
            Creates = NewRow(task, workflow, request),
            Request = RequestKeyOf(request),
            Facts = [new TaskSubmitted(workflow.Name, workflow.Version, request.Input, request.Initiator, request.RequestId, why.PolicySetDigest, why.Rules)],
            Spans = admission.Spans!,
        };
    }

    private static StartAnswer Read(JournalAnswer answer) => answer switch
    {
        JournalAnswer.Written { Task: var row } => new StartAnswer.Started(row),
        JournalAnswer.Existed existed => Existed(existed),
        _ => new StartAnswer.Refused(JournalRefusals.Explain(answer)),
    };

    private static StartAnswer Existed(JournalAnswer.Existed existed) => existed.SameBody
        ? new StartAnswer.Existed(existed.TaskId)
        : new StartAnswer.Refused(new MeshError(StatusCode.AlreadyExists, Reason.RequestIdReused, "This request_id was used before with another body."));

    private TaskRow NewRow(TaskKey task, WorkflowDefinition workflow, StartRequest request)
    {
        var now = TaskRows.Now(clock);

        return new TaskRow
        {
            Key = task,
            Workflow = workflow.Name,
            WorkflowVersion = workflow.Version,
            Initiator = request.Initiator,
            State = TaskState.Ready,
            Epoch = 0,
            Seq = 0,
            Attempt = 0,
            Steps = 0,
            CreatedAt = now,
            Deadline = now + workflow.Manifest.Limits.Duration,
            Traceparent = request.TraceParent ?? Activity.Current?.Id,
        };
    }

    private static MeshError? InputRefusal(WorkflowDefinition workflow, StartRequest request)
    {
        var violations = workflow.Manifest.Input.Validate(request.Input.Span);

        return violations.Count == 0
            ? null
            : new MeshError(StatusCode.InvalidArgument, Reason.SchemaMismatch, $"The input does not match the workflow's schema: {violations[0].Message}")
            {
                Fields = [.. violations.Select(v => new FieldError("input" + v.InstancePath, v.Message))],
            };
    }

    private static RequestKey? RequestKeyOf(StartRequest request) => request.RequestKey is null
        ? null
        : new RequestKey(
            request.Tenant,
            request.RequestKey,
            SHA256.HashData([.. System.Text.Encoding.UTF8.GetBytes(request.Workflow + "\n"), .. request.Input.Span]));

    private static Admission Refuse(StatusCode code, Reason reason, string message, params ReadOnlySpan<(string, string)> details)
    {
        var error = new MeshError(code, reason, message);

        foreach (var (key, value) in details)
        {
            error = error.With(key, value);
        }

        return new Admission(error);
    }

    /// <summary>Whether a task may start, and what is known of it by then.</summary>
    private sealed record Admission(MeshError? Refusal, WorkflowDefinition? Workflow = null, Explanation? Why = null, IReadOnlyList<Span>? Spans = null);
}

/// <summary>What somebody asks to be started.</summary>
internal sealed record StartRequest
{
    public required string Tenant { get; init; }

    public required string Workflow { get; init; }

    /// <summary>Canonical JSON.</summary>
    public required ReadOnlyMemory<byte> Input { get; init; }

    public required string Initiator { get; init; }

    /// <summary>The caller's own id, as recorded; empty for none.</summary>
    public string RequestId { get; init; } = "";

    /// <summary>Under which a repeat finds the first task; null when every request starts one.</summary>
    public string? RequestKey { get; init; }

    /// <summary>The trace that the task belongs to, where it is not that of what is done now.</summary>
    public string? TraceParent { get; init; }

    /// <summary>What ingress did before, for the timeline.</summary>
    public Span? Arrival { get; init; }
}

/// <summary>What became of a request to start a task.</summary>
internal abstract record StartAnswer
{
    internal sealed record Started(TaskRow Task) : StartAnswer;

    internal sealed record Existed(Guid TaskId) : StartAnswer;

    internal sealed record Refused(MeshError Error) : StartAnswer;
}
