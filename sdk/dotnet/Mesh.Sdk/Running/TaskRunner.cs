using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Mesh.Connection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.Running;

/// <summary>Runs a handler once and says how that ended.</summary>
internal sealed class TaskRunner(
    AgentClient client,
    AgentTable agents,
    IServiceScopeFactory scopes,
    MeshWorkerOptions options,
    ILoggerFactory logs,
    TimeProvider clock)
{
    private const int MessageCharsMax = 4 * 1024;

    private static readonly ActivitySource Spans = new("Mesh.Sdk");

    private readonly ILogger log = logs.CreateLogger("Mesh.Worker");

    /// <summary>Runs the task to its end, a wait or a stop.</summary>
    /// <returns>The next task, when there is one and it was wanted.</returns>
    public async Task<Agent.V1.WorkItem?> RunAsync(TaskRun run, Func<bool> wantsNext)
    {
        var outcome = await HandleAsync(run);

        return run.Stopped is RunStop.ClaimLost ? Lost(run) : await FinishAsync(run, outcome, wantsNext());
    }

    private async Task<Agent.V1.FinishWorkRequest> HandleAsync(TaskRun run)
    {
        using var span = Spans.StartActivity("agent.run", ActivityKind.Consumer, run.Item.Traceparent);

        // On its own thread: a handler that blocks must not hold up the claims of the others.
        var handling = Task.Run(() => HandleInScopeAsync(run));
        await ((Task)handling).WaitAsync(run.HandlerStop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        try
        {
            var result = await handling.WaitAsync(options.StopGrace, clock);

            return OfStop(run.Stopped) ?? new Agent.V1.FinishWorkRequest { Completed = new Agent.V1.WorkCompleted { Result = result } };
        }
        catch (TimeoutException) when (!handling.IsCompleted)
        {
            log.HandlerLeftBehind(run.Item.TaskId, options.StopGrace);
            return OfStop(run.Stopped)!;
        }
        catch (Exception e)
        {
            // The outermost frame of a handler: whatever it throws is the end of this run, never of the process.
            return OfStop(run.Stopped) ?? OfFailure(run, e);
        }
    }

    private async Task<Value> HandleInScopeAsync(TaskRun run)
    {
        var item = run.Item;

        if (agents.Find(item.Workflow) is not { } handler)
        {
            throw new CallRefusedException("WORKFLOW_NOT_FOUND", $"This program has no agent for the workflow {item.Workflow}.");
        }

        await using var scope = scopes.CreateAsyncScope();
        var ctx = new AgentContext(run, run.Steps.Branch(""), logs.CreateLogger($"Mesh.Agent.{item.Workflow}"));

        return await handler.RunAsync(scope.ServiceProvider, item.Input, ctx, options.Json, run.HandlerStop);
    }

    private static Agent.V1.FinishWorkRequest? OfStop(RunStop? stop) => stop switch
    {
        null => null,
        RunStop.Parked parked => new Agent.V1.FinishWorkRequest { WaitsOn = parked.WaitsOn },
        RunStop.Refused refused => Failed(refused.Reason, refused.Message, retry: false),
        RunStop.CancelRequested => Failed("CANCELLED", "Cancelled on request.", retry: false),
        RunStop.Released or RunStop.ClaimLost => new Agent.V1.FinishWorkRequest { Released = new Agent.V1.WorkReleased() },
        _ => throw new UnreachableException($"{stop} has no outcome."),
    };

    private Agent.V1.FinishWorkRequest OfFailure(TaskRun run, Exception failure)
    {
        // Task.WhenAll and friends wrap what a branch threw.
        var cause = failure is AggregateException many ? many.Flatten().InnerExceptions[0] : failure;

        switch (cause)
        {
            case ToolDeniedException denied:
                log.TaskRefused(run.Item.TaskId, denied.Reason);
                return Failed(denied.Reason, denied.Message, retry: false);

            // Recorded, or found wrong before it was sent: the next run would come to the same end.
            case ToolFailedException e:
                log.HandlerFailed(failure, run.Item.TaskId, run.Item.Attempt);
                return Failed(e.Reason, e.Message, retry: false);

            case PayloadRefusedException e:
                log.HandlerFailed(failure, run.Item.TaskId, run.Item.Attempt);
                return Failed(e.Reason, e.Message, retry: false);

            case CallRefusedException e:
                log.HandlerFailed(failure, run.Item.TaskId, run.Item.Attempt);
                return Failed(e.Reason, e.Message, retry: false);

            default:
                // The stack stays in this process's log: it may name what the server's readers should not see.
                log.HandlerFailed(failure, run.Item.TaskId, run.Item.Attempt);
                return Failed("HANDLER_FAILED", $"{cause.GetType().Name}: {cause.Message}", retry: true);
        }
    }

    private async Task<Agent.V1.WorkItem?> FinishAsync(TaskRun run, Agent.V1.FinishWorkRequest request, bool wantNext)
    {
        if (run.Stopped is RunStop.Refused { Reason: "HANDLER_CHANGED" } changed)
        {
            log.HandlerChanged(run.Item.TaskId, changed.Message);
        }

        request.Claim = run.Item.Claim;
        request.WantNext = wantNext;

        foreach (var (branch, asked) in run.Steps.Positions())
        {
            request.Positions[branch] = asked;
        }

        try
        {
            return (await client.FinishAsync(request, run.Item.Traceparent, run.ClaimLost)).Next;
        }
        catch (OperationCanceledException)
        {
            return Lost(run);
        }
        catch (RefusedException e) when (e.Refusal.Reason is "CLAIM_LOST")
        {
            // After a refusal that stopped the task, the server has ended the claim itself.
            return run.Stopped is RunStop.Refused ? null : Lost(run);
        }
        catch (RefusedException e)
        {
            log.FinishRefused(run.Item.TaskId, e.Refusal.Name, e.Refusal.Message);
            return null;
        }
    }

    private Agent.V1.WorkItem? Lost(TaskRun run)
    {
        log.ClaimLost(run.Item.TaskId);
        return null;
    }

    private static Agent.V1.FinishWorkRequest Failed(string reason, string message, bool retry) => new()
    {
        Failed = new Agent.V1.WorkFailed
        {
            Reason = reason,
            Message = message.Length <= MessageCharsMax ? message : message[..MessageCharsMax],
            Retry = retry,
        },
    };
}
