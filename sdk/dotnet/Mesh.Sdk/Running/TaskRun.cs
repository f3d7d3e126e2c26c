using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Mesh.Connection;
using Mesh.Payloads;

namespace Mesh.Running;

/// <summary>One run of one task: asks for its steps and calls, and remembers when it is over.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A handler that was left behind still uses the tokens; they hold nothing but memory.")]
internal sealed class TaskRun
{
    // A step inside a step would be asked for in the first run only, and every later one would look changed.
    private static readonly AsyncLocal<string?> InsideStep = new();

    private readonly Lock gate = new();
    private readonly CancellationTokenSource handlerStop = new();
    private readonly CancellationTokenSource callStop = new();
    private readonly CancellationTokenSource claimLost = new();
    private readonly AgentClient client;
    private readonly JsonSerializerOptions json;
    private int inFlight;
    private RunStop? stopped;

    public TaskRun(Agent.V1.WorkItem item, AgentClient client, JsonSerializerOptions json)
    {
        Item = item;
        Steps = new StepLedger(item);
        this.client = client;
        this.json = json;
    }

    public Agent.V1.WorkItem Item { get; }

    public StepLedger Steps { get; }

    /// <summary>Cancelled when the handler has nothing left to do.</summary>
    public CancellationToken HandlerStop => handlerStop.Token;

    public CancellationToken ClaimLost => claimLost.Token;

    /// <summary>Why the run is over; null while it is not.</summary>
    public RunStop? Stopped
    {
        get
        {
            lock (gate)
            {
                return stopped;
            }
        }
    }

    public Task<T> StepAsync<T>(BranchLedger branch, string name, Func<CancellationToken, Task<T>> work)
    {
        StepNames.Require(name, nameof(name), StepNames.KeyCharsMax);

        return InFlightAsync(Take(branch, name, tool: null), place => StepAsync(branch, place, work));
    }

    public Task<T> CallToolAsync<T>(BranchLedger branch, string tool, object? arguments, string? step)
    {
        StepNames.Require(tool, nameof(tool), StepNames.KeyCharsMax);
        StepNames.Require(step ?? tool, nameof(step), StepNames.KeyCharsMax);

        var sent = Payload.Write(arguments ?? new object(), arguments?.GetType() ?? typeof(object), json, $"The arguments of {tool}");

        return InFlightAsync(Take(branch, step ?? tool, tool), place => CallToolAsync<T>(branch, place, tool, sent));
    }

    /// <summary>Ends the run. Parking and changed handlers let what is in flight come back first.</summary>
    public void Stop(RunStop why)
    {
        lock (gate)
        {
            stopped = stopped is null || stopped.Rank < why.Rank ? why : stopped;
        }

        // Not awaited, and not in line: what a handler registered with its token may block, or throw.
        if (why is RunStop.ClaimLost)
        {
            _ = claimLost.CancelAsync();
        }

        if (why is RunStop.ClaimLost or RunStop.CancelRequested or RunStop.Released)
        {
            _ = callStop.CancelAsync();
            _ = handlerStop.CancelAsync();
        }
        else
        {
            StopIdleHandler();
        }
    }

    private StepPlace Take(BranchLedger branch, string name, string? tool)
    {
        if (InsideStep.Value is { } outer)
        {
            throw new InvalidOperationException($"The step {outer} asks for {name}: a step must not contain steps or calls.");
        }

        try
        {
            // Together: a run that was parked must never see a new call begin.
            lock (gate)
            {
                if (stopped is { } why)
                {
                    throw new RunStoppedException(why);
                }

                var place = branch.Take(name, tool);
                inFlight++;

                return place;
            }
        }
        catch (HandlerChangedException changed)
        {
            throw Over(new RunStop.Refused("HANDLER_CHANGED", changed.Message));
        }
    }

    private async Task<T> InFlightAsync<T>(StepPlace place, Func<StepPlace, Task<T>> ask)
    {
        try
        {
            return await ask(place);
        }
        catch (RefusedException refused)
        {
            throw Refused(refused.Refusal);
        }
        catch (OperationCanceledException) when (Stopped is { } why)
        {
            throw new RunStoppedException(why);
        }
        finally
        {
            lock (gate)
            {
                inFlight--;
            }

            StopIdleHandler();
        }
    }

    private async Task<T> StepAsync<T>(BranchLedger branch, StepPlace place, Func<CancellationToken, Task<T>> work)
    {
        var what = $"The value of step {place.Key}";

        if (place.Recorded is { } recorded)
        {
            return Payload.Read<T>(recorded.Value, json, what);
        }

        var request = new Agent.V1.RecordStepRequest { Claim = Item.Claim, StepKey = place.Key, Position = place.Position };

        if (!Steps.IsComplete && await client.RecordAsync(request, Item.Traceparent, callStop.Token) is { Recorded: true } earlier)
        {
            return Payload.Read<T>(earlier.Value, json, what);
        }

        branch.ReachNew();
        request.Value = Payload.Write(await WorkAsync(place, work), typeof(T), json, what);

        // What was done is recorded even while this process stops: only a lost claim forbids it.
        var answer = await client.RecordAsync(request, Item.Traceparent, claimLost.Token);

        return Payload.Read<T>(answer.Value, json, what);
    }

    private async Task<T> WorkAsync<T>(StepPlace place, Func<CancellationToken, Task<T>> work)
    {
        // The value flows into the work and ends with this method.
        InsideStep.Value = place.Key;

        return await work(handlerStop.Token);
    }

    // A call that has ended is asked for again as well: only the journal can tell whether its arguments are still the same.
    private async Task<T> CallToolAsync<T>(BranchLedger branch, StepPlace place, string tool, Google.Protobuf.WellKnownTypes.Value arguments)
    {
        if (place.Recorded is null)
        {
            branch.ReachNew();
        }

        var request = new Agent.V1.CallToolRequest
        {
            Claim = Item.Claim,
            StepKey = place.Key,
            Position = place.Position,
            Tool = tool,
            Arguments = arguments,
        };
        var answer = await client.CallAsync(request, Item.Traceparent, callStop.Token);

        return answer.OutcomeCase switch
        {
            Agent.V1.CallToolResponse.OutcomeOneofCase.Result => Payload.Read<T>(answer.Result.Value, json, $"The result of {tool}"),
            Agent.V1.CallToolResponse.OutcomeOneofCase.Denied => throw new ToolDeniedException(tool, answer.Denied),
            Agent.V1.CallToolResponse.OutcomeOneofCase.Failed => throw new ToolFailedException(
                tool, answer.Failed, answer.Failed.Value is { } said ? Payload.Read<JsonElement>(said, json, $"The answer of {tool}") : null),
            Agent.V1.CallToolResponse.OutcomeOneofCase.Waiting => throw Over(new RunStop.Parked(answer.Waiting.WaitsOn)),
            _ => throw new NotSupportedException($"Mesh answered the call of {tool} with an outcome that this version of Mesh.Sdk does not know."),
        };
    }

    private Exception Refused(Refusal refusal) => refusal.Reason switch
    {
        "CLAIM_LOST" => Over(new RunStop.ClaimLost()),
        "HANDLER_CHANGED" or "STEP_LIMIT" or "TASK_ENDED" => Over(new RunStop.Refused(refusal.Reason, refusal.Message)),
        _ => new CallRefusedException(refusal.Name, refusal.Message),
    };

    private RunStoppedException Over(RunStop why)
    {
        Stop(why);
        return new RunStoppedException(Stopped!);
    }

    private void StopIdleHandler()
    {
        lock (gate)
        {
            if (stopped is null || inFlight > 0)
            {
                return;
            }
        }

        _ = handlerStop.CancelAsync();
    }
}
