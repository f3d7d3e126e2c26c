using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>What agents ask for, relayed by the tool runner that started them.</summary>
internal sealed class WorkEndpoint(
    ToolCallFlow calls,
    CallsUnderWay underWay,
    FinishFlow finish,
    ClaimKeeper claims,
    JournalStore journal,
    Catalog catalog,
    WorkOffers offers,
    TimeProvider clock) : V1.WorkService.WorkServiceBase
{
    private const int ClaimsMax = 1_000;

    // What one answer brings has to fit into a message, also when the runner has made JSON values of it.
    private const int ItemsMax = 16;
    private const int ItemsBytesMax = 1024 * 1024;
    private const int WorkerCharsMax = 64;
    private static readonly TimeSpan PollMax = TimeSpan.FromSeconds(30);

    public override async Task<V1.PollWorkResponse> PollWork(V1.PollWorkRequest request, ServerCallContext context)
    {
        var agent = Wire.Read(request.Agent);

        if (request.ItemsMax is < 0 or > 100)
        {
            throw Refusals.Invalid("items_max", "must be 0 to 100");
        }

        if (request.Worker.Length > WorkerCharsMax)
        {
            throw Refusals.Invalid("worker", $"must be at most {WorkerCharsMax} characters");
        }

        var patience = Wire.ReadPatience("wait", request.Wait, PollMax) ?? PollMax;

        if (request.Held is { } held)
        {
            await claims.EndUnheldAsync(agent, ReadClaims("held.claims", held.Claims), context.CancellationToken);

            // Whoever it asked before is gone, and cannot tell this replica what it left ready.
            offers.Remain(agent.Workflow);
        }

        return new V1.PollWorkResponse { Items = { await NextAsync(agent, request.ItemsMax, patience, context.CancellationToken) } };
    }

    public override async Task<V1.ExtendClaimResponse> ExtendClaim(V1.ExtendClaimRequest request, ServerCallContext context)
    {
        var agent = Wire.Read(request.Agent);

        var held = await claims.ExtendAsync(agent, ReadClaims("claims", request.Claims), context.CancellationToken);

        return new V1.ExtendClaimResponse
        {
            Claims =
            {
                held.Select(claim => new V1.ClaimStatus
                {
                    State = claim switch
                    {
                        null => V1.ClaimStatus.Types.State.Lost,
                        { IsCancelRequested: true } => V1.ClaimStatus.Types.State.CancelRequested,
                        _ => V1.ClaimStatus.Types.State.Held,
                    },
                    ExpiresAt = claim?.Until.ToTimestamp(),
                }),
            },
        };
    }

    public override async Task<V1.RecordStepResponse> RecordStep(V1.RecordStepRequest request, ServerCallContext context)
    {
        var (agent, claim, step) = (Wire.Read(request.Agent), ReadClaim(request.Claim), Wire.ReadStep(request.StepKey));
        var task = new TaskKey(agent.Workflow.Tenant, claim.TaskId);

        // Who only asks is told what is, not what is remembered: nothing is written that would be guarded.
        var reading = request.HasValue
            ? await journal.ReadStepAsync(task, step, claim, context.CancellationToken)
            : await journal.ReadStepAsync(task, step, context.CancellationToken);
        var held = RequireClaim(reading.Task, agent, claim);
        using var trace = MeshTraces.StartIn(MeshSemantics.Orchestrator, held.Traceparent).Of(task.Tenant, task.Id);

        if (Recorded(reading, request.Position) is { } recorded)
        {
            return recorded;
        }

        if (reading.Facts.Count > 0)
        {
            throw await StopAsync(agent, claim, new MeshError(
                StatusCode.FailedPrecondition, Reason.HandlerChanged, $"{step} was recorded at another place, or as a tool call."));
        }

        if (!request.HasValue)
        {
            return new V1.RecordStepResponse();
        }

        var workflow = await RequireWorkflowAsync(agent, context.CancellationToken);
        var write = new JournalWrite
        {
            Task = task,
            Step = step,
            Fence = new Fence.Claim(claim.Hash),
            Facts = [new StepRecorded(ReadPosition(request.Position), Wire.ReadJson(request.Value.Span, "value").Memory)],
            StepsMax = workflow.StepsMax,
        };

        switch (await journal.AppendAsync(write, context.CancellationToken))
        {
            case JournalAnswer.Written:
                return new V1.RecordStepResponse { Recorded = true, Value = Wire.Bytes(((StepRecorded)write.Facts[0]).Value) };

            case JournalAnswer.StepMoved when Recorded(await journal.ReadStepAsync(task, step, context.CancellationToken), request.Position) is { } first:
                return first;

            case var refused:
                throw await StopAsync(agent, claim, JournalRefusals.Explain(refused));
        }

        V1.RecordStepResponse? Recorded(StepReading read, int position) => read.Facts switch
        {
            [] => null,
            [{ Fact: StepRecorded value }] when value.Position == position =>
                new V1.RecordStepResponse { Recorded = true, Value = Wire.Bytes(value.Value) },
            _ => null,
        };
    }

    public override async Task<V1.CallToolResponse> CallTool(V1.CallToolRequest request, ServerCallContext context)
    {
        var (agent, claim, step) = (Wire.Read(request.Agent), ReadClaim(request.Claim), Wire.ReadStep(request.StepKey));
        var key = new TaskKey(agent.Workflow.Tenant, claim.TaskId);
        var workflow = await RequireWorkflowAsync(agent, context.CancellationToken);
        var reading = await journal.ReadStepAsync(key, step, claim, context.CancellationToken);
        var task = RequireClaim(reading.Task, agent, claim);

        if (reading.Facts is [{ Fact: StepRecorded }, ..])
        {
            throw await StopAsync(agent, claim, new MeshError(
                StatusCode.FailedPrecondition, Reason.HandlerChanged, $"{step} was recorded as a step of the agent's own; the handler now asks for a tool."));
        }

        var call = ReadCall(request, key, workflow, task, claim, step);

        // One flow per call and replica: a repeat waits for the first one. It goes on when the agent hangs up.
        var result = underWay.JoinAsync(
            call, task.Epoch, (hasWaited, stop) => calls.RunAsync(call, hasWaited ? null : reading, stop), context.CancellationToken);

        return await WhileHeldAsync(result, agent, claim, context.CancellationToken) switch
        {
            CallResult.Ended ended => Wire.Write(ended.End),
            CallResult.Waiting waiting => Wire.Write(waiting),
            CallResult.Refused refused => throw await StopAsync(agent, claim, refused.Error),
            _ => throw new InvalidOperationException("A call result has three kinds."),
        };
    }

    public override async Task<V1.FinishWorkResponse> FinishWork(V1.FinishWorkRequest request, ServerCallContext context)
    {
        var (agent, claim) = (Wire.Read(request.Agent), ReadClaim(request.Claim));

        if (await finish.RunAsync(agent, claim, Wire.Read(request), context.CancellationToken) is { } refused)
        {
            throw refused.AsException();
        }

        // No next item here: an agent with room has a poll waiting, and a task meets it before it is in any backlog.
        return new V1.FinishWorkResponse();
    }

    public override async Task<V1.EndAgentResponse> EndAgent(V1.EndAgentRequest request, ServerCallContext context) =>
        new()
        {
            ClaimsEnded = await claims.EndAgentAsync(
                Wire.Read(request.Agent), request.Cause == "stopped" ? ClaimEnd.Released : ClaimEnd.AgentLost, CancellationToken.None),
        };

    // An agent that speaks HTTP/1.1 over its one connection cannot extend its claim while it waits for a call.
    private async Task<CallResult> WhileHeldAsync(Task<CallResult> call, AgentIdentity agent, ClaimToken claim, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                return await call.WaitAsync(Claims.ExtendEvery, clock, stop);
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                await claims.ExtendAsync(agent, [claim], stop);
            }
        }
    }

    private async Task<IReadOnlyList<V1.WorkItem>> NextAsync(AgentIdentity agent, int itemsMax, TimeSpan wait, CancellationToken stop)
    {
        var poll = offers.Wait(agent, Math.Clamp(itemsMax, 1, ItemsMax));

        try
        {
            var items = await poll.ItemsAsync(wait, clock, stop);
            var taken = stop.IsCancellationRequested || offers.HasEnded(agent.Instance) ? 0 : CountThatFit(items);

            // What does not fit, or has nobody there to take it, is offered to the next poll now, not when its claim runs out.
            await Task.WhenAll(items.Skip(taken).Select(item => finish.ReleaseAsync(agent, item.Claim)));

            return [.. items.Take(taken)];
        }
        finally
        {
            offers.Leave(poll);
        }
    }

    // The first one always does: its parts have limits of their own.
    private static int CountThatFit(IReadOnlyList<V1.WorkItem> items)
    {
        var bytes = 0;

        return items.TakeWhile((item, place) => (bytes += item.CalculateSize()) <= ItemsBytesMax || place == 0).Count();
    }

    private static ToolCall ReadCall(
        V1.CallToolRequest request, TaskKey key, WorkflowDefinition workflow, TaskRow task, ClaimToken claim, StepKey step)
    {
        if (!workflow.Tools.TryGetValue(request.Tool, out var tool))
        {
            throw new MeshError(StatusCode.PermissionDenied, Reason.ToolNotGranted, $"The workflow {workflow.Name} does not list the tool {request.Tool}.")
            {
                Fields = [new FieldError("tool", "must be one that the workflow lists in spec.tools")],
            }.AsException();
        }

        var arguments = Wire.ReadJson(request.Arguments.Span, "arguments");
        var violations = tool.Manifest.Input.Validate(arguments.Span);

        if (violations.Count > 0)
        {
            throw new MeshError(StatusCode.InvalidArgument, Reason.SchemaMismatch, $"The arguments do not match the schema of {tool.Name}: {violations[0].Message}")
            {
                Fields = [.. violations.Select(v => new FieldError("arguments" + v.InstancePath, v.Message))],
            }.AsException();
        }

        return new ToolCall
        {
            Task = key,
            Workflow = workflow,
            Step = step,
            Position = ReadPosition(request.Position),
            Tool = tool,
            Arguments = arguments,
            Digest = ActionDigest.Compute(new ActionDescription
            {
                Tenant = key.Tenant,
                Workflow = workflow.Name,
                WorkflowVersion = ContentDigest.Parse(workflow.Version),
                Task = key.Id,
                Step = step.Value,
                Tool = tool.Name,
                ToolDigest = tool.Digest,
                Arguments = arguments,
            }),
            Initiator = task.Initiator,
            ClaimHash = claim.Hash,
            Traceparent = task.Traceparent,
        };
    }

    private static IReadOnlyList<ClaimToken?> ReadClaims(string field, Google.Protobuf.Collections.RepeatedField<string> claims) =>
        claims.Count <= ClaimsMax ? [.. claims.Select(ClaimToken.Parse)] : throw Refusals.Invalid(field, $"must be at most {ClaimsMax}");

    private static ClaimToken ReadClaim(string text) => ClaimToken.Parse(text) ?? throw Refusals.Invalid("claim", "is not a claim");

    private static int ReadPosition(int position) =>
        position >= 0 ? position : throw Wire.StepRefused("position", "must be at least 0");

    private static TaskRow RequireClaim(TaskRow? task, AgentIdentity agent, ClaimToken claim)
    {
        // Another workflow's agent is told the same as one that was replaced: nothing about the task.
        return task is not null && task.WorkflowKey == agent.Workflow && task.IsHeldBy(claim.Hash)
            ? task
            : throw JournalRefusals.Explain(new JournalAnswer.ClaimLost()).AsException();
    }

    private async Task<WorkflowDefinition> RequireWorkflowAsync(AgentIdentity agent, CancellationToken stop) =>
        await catalog.FindAsync(agent.Workflow, stop)
        ?? throw Refusals.NotFound(Reason.WorkflowNotFound, "There is no such version of the workflow.");

    // A changed handler and a used-up limit stop the task: a person looks at it before anything else happens.
    private async Task<RefusalException> StopAsync(AgentIdentity agent, ClaimToken claim, MeshError error)
    {
        if (error.Reason is Reason.HandlerChanged or Reason.StepLimit)
        {
            await finish.ParkForAttentionAsync(agent, claim, error.Reason, error.Message);
        }

        return error.AsException();
    }
}
