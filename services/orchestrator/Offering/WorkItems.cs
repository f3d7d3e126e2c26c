using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Offering;

/// <summary>Makes what an agent is handed: the input and what is recorded so far.</summary>
internal sealed class WorkItems(JournalStore journal)
{
    private const int PageEntries = 500;
    private const int HistoryBytesMax = 1024 * 1024;

    /// <summary>The span of one handing out, in the task's own trace; what the agent does follows from it.</summary>
    public static Activity? Trace(TaskRow task) => MeshTraces.StartIn(MeshSemantics.AgentDispatch, task.Traceparent, ActivityKind.Producer)
        .Of(task.Key.Tenant, task.Key.Id)
        ?.SetTag(MeshSemantics.Workflow, task.Workflow);

    /// <summary>An item for a task that was never handed out before: there is no history to read.</summary>
    public static V1.WorkItem First(TaskRow task, string claim, ReadOnlyMemory<byte> input, Activity? trace) => new()
    {
        TaskId = task.Key.Id.ToString("D"),
        Claim = claim,
        ClaimExpiresAt = task.ClaimUntil!.Value.ToTimestamp(),
        Attempt = task.Attempt,
        Input = UnsafeByteOperations.UnsafeWrap(input),
        HistoryComplete = true,
        Traceparent = trace?.Id ?? task.Traceparent ?? "",
    };

    public async Task<V1.WorkItem> BuildAsync(TaskRow task, string claim, Activity? trace, CancellationToken stop)
    {
        var input = ReadOnlyMemory<byte>.Empty;
        var steps = new List<StepFold>();
        var byKey = new Dictionary<string, StepFold>(StringComparer.Ordinal);
        var after = 0L;

        while (true)
        {
            var page = await journal.ReadEntriesAsync(task.Key, after, PageEntries, stop);

            foreach (var entry in page)
            {
                if (entry.Fact is TaskSubmitted submitted)
                {
                    input = submitted.Input;
                }

                if (entry.Step.Length > 0)
                {
                    if (!byKey.TryGetValue(entry.Step, out var fold))
                    {
                        byKey[entry.Step] = fold = new StepFold(entry.Step);
                        steps.Add(fold);
                    }

                    fold.Add(entry.Fact);
                }
            }

            if (page.Count < PageEntries)
            {
                break;
            }

            after = page[^1].Seq;
        }

        var item = First(task, claim, input, trace);
        var bytes = 0;

        foreach (var recorded in steps.Select(step => step.AsRecorded()))
        {
            bytes += recorded.CalculateSize();

            if (bytes > HistoryBytesMax)
            {
                item.HistoryComplete = false;
                break;
            }

            item.History.Add(recorded);
        }

        return item;
    }

    private sealed class StepFold(string key)
    {
        private CallState call = new CallState.New();
        private StepRecorded? step;

        public void Add(Fact fact)
        {
            if (fact is StepRecorded recorded)
            {
                step = recorded;
            }
            else
            {
                call = call.After(fact);
            }
        }

        public V1.RecordedStep AsRecorded()
        {
            if (step is not null)
            {
                return new V1.RecordedStep
                {
                    StepKey = key,
                    Position = step.Position,
                    Value = UnsafeByteOperations.UnsafeWrap(step.Value),
                };
            }

            var requested = call switch
            {
                CallState.Settled s => s.Call,
                CallState.Requested s => s.Call,
                CallState.Held s => s.Call,
                CallState.Dispatched s => s.Call,
                CallState.Probing s => s.Call,
                CallState.Interrupted s => s.Call,
                CallState.Unknown s => s.Call,
                CallState.Refused s => s.Call,
                CallState.Allowed s => s.Call,
                _ => throw new DamagedJournalException(call, new TaskResumed("")),
            };
            var recorded = new V1.RecordedStep { StepKey = key, Position = requested.Position };

            if (call is CallState.Settled settled)
            {
                recorded.Call = Wire.Write(settled.End);
            }
            else
            {
                recorded.PendingTool = requested.Tool;
            }

            return recorded;
        }
    }
}
