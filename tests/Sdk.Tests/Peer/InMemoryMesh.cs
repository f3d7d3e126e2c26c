using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Mesh.Sdk.Tests.Peer;

/// <summary>The other side of the agent protocol, as agent.proto states it, for the SDK's own tests: a journal in memory.</summary>
internal sealed class InMemoryMesh : Agent.V1.AgentService.AgentServiceBase
{
    private readonly Lock gate = new();
    private readonly List<AgentTask> tasks = [];
    private readonly List<AgentTask> ready = [];
    private readonly Dictionary<string, Agent.V1.FinishWorkResponse> finished = [];
    private TaskCompletionSource stirred = new();
    private int claims;

    /// <summary>Every request, in the order of arrival.</summary>
    public List<IMessage> Requests { get; } = [];

    /// <summary>How often each tool really ran.</summary>
    public Dictionary<string, int> Runs { get; } = [];

    /// <summary>What the tools do. The answer is journaled unless it waits.</summary>
    public Func<Agent.V1.CallToolRequest, Task<Agent.V1.CallToolResponse>> Tool { get; set; } =
        call => Task.FromResult(Answers.Result(Value.ForString($"{call.Tool} done")));

    /// <summary>Asked before a request is served; what it throws is the answer.</summary>
    public Action<IMessage> Before { get; set; } = _ => { };

    /// <summary>Asked when a request was served; what it throws is answered instead.</summary>
    public Action<IMessage> After { get; set; } = _ => { };

    /// <summary>How many recorded steps an item brings; the rest has to be asked for.</summary>
    public int HistoryMax { get; set; } = int.MaxValue;

    public AgentTask Submit(Value input, string workflow = "work")
    {
        lock (gate)
        {
            var task = new AgentTask(Guid.CreateVersion7().ToString(), workflow, input);
            tasks.Add(task);
            Offer(task);

            return task;
        }
    }

    public IReadOnlyList<T> Asked<T>()
    {
        lock (gate)
        {
            return [.. Requests.OfType<T>()];
        }
    }

    public int RunsOf(string tool)
    {
        lock (gate)
        {
            return Runs.GetValueOrDefault(tool);
        }
    }

    /// <summary>The agent is taken for dead: its claim ends and the task is offered again.</summary>
    public void TakeOver(AgentTask task)
    {
        lock (gate)
        {
            task.Claim = null;
            Offer(task);
        }
    }

    /// <summary>The claim ends and nobody else is offered the task yet.</summary>
    public void EndClaim(AgentTask task)
    {
        lock (gate)
        {
            task.Claim = null;
        }
    }

    /// <summary>What the task waits for has happened.</summary>
    public void Resume(AgentTask task)
    {
        lock (gate)
        {
            task.WaitsOn = null;
            Offer(task);
        }
    }

    public override async Task<Agent.V1.PollWorkResponse> PollWork(Agent.V1.PollWorkRequest request, ServerCallContext context)
    {
        Note(request);
        var response = new Agent.V1.PollWorkResponse();
        var until = DateTime.UtcNow + request.Wait.ToTimeSpan();

        while (response.Items.Count == 0 && DateTime.UtcNow < until)
        {
            Task offered;

            lock (gate)
            {
                offered = stirred.Task;

                while (ready.Count > 0 && response.Items.Count < request.ItemsMax && !context.CancellationToken.IsCancellationRequested)
                {
                    response.Items.Add(HandOut());
                }
            }

            if (response.Items.Count == 0)
            {
                await offered.WaitAsync(context.CancellationToken);
            }
        }

        return response;
    }

    public override Task<Agent.V1.ExtendClaimResponse> ExtendClaim(Agent.V1.ExtendClaimRequest request, ServerCallContext context)
    {
        Note(request);

        lock (gate)
        {
            return Task.FromResult(new Agent.V1.ExtendClaimResponse
            {
                Claims =
                {
                    request.Claims.Select(claim => new Agent.V1.ClaimStatus
                    {
                        State = tasks.Find(t => t.Claim == claim) switch
                        {
                            null => Agent.V1.ClaimStatus.Types.State.Lost,
                            { IsCancelRequested: true } => Agent.V1.ClaimStatus.Types.State.CancelRequested,
                            _ => Agent.V1.ClaimStatus.Types.State.Held,
                        },
                    }),
                },
            });
        }
    }

    public override Task<Agent.V1.RecordStepResponse> RecordStep(Agent.V1.RecordStepRequest request, ServerCallContext context)
    {
        Note(request);
        var response = new Agent.V1.RecordStepResponse();

        lock (gate)
        {
            var task = Holder(request.Claim);

            if (Find(task, request.StepKey, request.Position) is { } step)
            {
                response.Recorded = true;
                response.Value = step.Value ?? throw Changed($"{step.Key} is a call");
            }
            else if (request.Value is { } value)
            {
                task.Journal.Add(new JournaledStep { Key = request.StepKey, Position = request.Position, Value = value });
                response.Recorded = true;
                response.Value = value;
            }
        }

        After(request);
        return Task.FromResult(response);
    }

    public override async Task<Agent.V1.CallToolResponse> CallTool(Agent.V1.CallToolRequest request, ServerCallContext context)
    {
        Note(request);
        JournaledStep? step;

        lock (gate)
        {
            var task = Holder(request.Claim);
            step = Find(task, request.StepKey, request.Position);

            if (step is null)
            {
                step = new JournaledStep
                {
                    Key = request.StepKey,
                    Position = request.Position,
                    Tool = request.Tool,
                    Arguments = request.Arguments,
                };
                task.Journal.Add(step);
            }
            else if (step.Tool != request.Tool || !step.Arguments!.Equals(request.Arguments))
            {
                throw Changed($"{step.Key} was recorded with other arguments.");
            }
        }

        if (step.Ended is null)
        {
            var answer = await Tool(request);

            if (answer.Waiting is not null)
            {
                return answer;
            }

            lock (gate)
            {
                step.Ended = answer;
                Runs[request.Tool] = Runs.GetValueOrDefault(request.Tool) + 1;
            }
        }

        After(request);
        return step.Ended;
    }

    public override Task<Agent.V1.FinishWorkResponse> FinishWork(Agent.V1.FinishWorkRequest request, ServerCallContext context)
    {
        Note(request);
        var response = new Agent.V1.FinishWorkResponse();

        lock (gate)
        {
            if (finished.TryGetValue(request.Claim, out var before))
            {
                return Task.FromResult(before);
            }

            var task = Holder(request.Claim);
            task.Claim = null;
            End(task, request);

            if (request.WantNext && ready.Count > 0)
            {
                response.Next = HandOut();
            }

            finished[request.Claim] = response;
        }

        After(request);
        return Task.FromResult(response);
    }

    private void End(AgentTask task, Agent.V1.FinishWorkRequest request)
    {
        if (request.Completed is not null
            && task.Journal.FirstOrDefault(s => s.Position >= request.Positions.GetValueOrDefault(s.Branch)) is { } skipped)
        {
            task.HasEnded = true;
            throw Changed($"{skipped.Key} was not asked for.");
        }

        task.Finishes.Add(request);
        task.WaitsOn = request.HasWaitsOn ? request.WaitsOn : null;

        if (request.Released is not null || request.Failed is { Retry: true })
        {
            Offer(task);
        }
        else
        {
            task.HasEnded = task.WaitsOn is null;
        }
    }

    private void Note(IMessage request)
    {
        lock (gate)
        {
            Requests.Add(request.Descriptor.Parser.ParseFrom(request.ToByteArray()));
        }

        Before(request);
    }

    private void Offer(AgentTask task)
    {
        ready.Add(task);
        stirred.TrySetResult();
        stirred = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private Agent.V1.WorkItem HandOut()
    {
        var task = ready[0];
        ready.RemoveAt(0);
        task.Attempt++;
        task.Claim = string.Create(CultureInfo.InvariantCulture, $"claim-{++claims}");

        return new Agent.V1.WorkItem
        {
            TaskId = task.Id,
            Claim = task.Claim,
            Attempt = task.Attempt,
            Tenant = "acme",
            Workflow = task.Workflow,
            WorkflowVersion = "sha256:0",
            Input = task.Input,
            History = { task.Journal.Take(HistoryMax).Select(step => step.ToWire()) },
            HistoryComplete = task.Journal.Count <= HistoryMax,
        };
    }

    private AgentTask Holder(string claim) => tasks.Find(t => t.Claim == claim)
        ?? throw Answers.Refusal(StatusCode.FailedPrecondition, "CLAIM_LOST", "The task belongs to somebody else now.");

    private static JournaledStep? Find(AgentTask task, string key, int position)
    {
        var branch = key.Contains('/', StringComparison.Ordinal) ? key.Split('/')[0] : "";
        var step = task.Journal.Find(s => s.Key == key);
        var there = task.Journal.Find(s => s.Branch == branch && s.Position == position);

        return step == there ? step : throw Changed($"{(step ?? there)!.Key} is recorded, {key} was asked for.");
    }

    private static RpcException Changed(string message) => Answers.Refusal(StatusCode.FailedPrecondition, "HANDLER_CHANGED", message);
}
