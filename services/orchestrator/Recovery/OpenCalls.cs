using Mesh.Integrity;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Recovery;

/// <summary>The calls of a task that were dispatched and have no recorded outcome.</summary>
internal sealed class OpenCalls(JournalStore journal, Catalog catalog, ToolCallFlow calls)
{
    /// <summary>Finds out and records what became of all of them, so that the task may end. Dispatches nothing.</summary>
    /// <returns>Why one is still open; null when none is.</returns>
    public async Task<MeshError?> CloseAsync(TaskRow task, CancellationToken stop)
    {
        foreach (var call in await FindAsync(task, stop))
        {
            if (await calls.CloseAsync(call, stop) is { } open)
            {
                return open;
            }
        }

        return null;
    }

    private async Task<IReadOnlyList<ToolCall>> FindAsync(TaskRow task, CancellationToken stop)
    {
        var steps = await StepsAsync(task, stop);

        if (steps.Count == 0
            || await catalog.FindAsync(task.WorkflowKey, stop) is not { } workflow)
        {
            return [];
        }

        var open = new List<ToolCall>();

        foreach (var step in steps)
        {
            var reading = await journal.ReadStepAsync(task.Key, step, stop);

            if (reading.Facts.Select(entry => entry.Fact).OfType<CallRequested>().FirstOrDefault() is { } requested
                && workflow.Tools.TryGetValue(requested.Tool, out var tool))
            {
                open.Add(Of(task, workflow, step, requested, tool));
            }
        }

        return open;
    }

    /// <summary>A call as it was recorded. It has no claim, so it can be settled but never dispatched.</summary>
    private static ToolCall Of(
        TaskRow task, WorkflowDefinition workflow, StepKey step, CallRequested requested, ToolDefinition tool) => new()
        {
            Task = task.Key,
            Workflow = workflow,
            Step = step,
            Position = requested.Position,
            Tool = tool,
            Arguments = CanonicalJson.Parse(requested.Arguments.Span),
            Digest = requested.Digest,
            Initiator = task.Initiator,
            ClaimHash = [],
            Traceparent = task.Traceparent,
        };

    private async Task<IReadOnlyList<StepKey>> StepsAsync(TaskRow task, CancellationToken stop)
    {
        await using var command = journal.Command(
            $"""
            select j.step from orchestrator.journal j
            where j.tenant_id = $1 and j.task_id = $2 and {JournalHeads.OpenCall}
            """,
            task.Key.Tenant,
            task.Key.Id);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var steps = new List<StepKey>();

        while (await rows.ReadAsync(stop))
        {
            if (StepKey.TryParse(rows.GetString(0), out var step))
            {
                steps.Add(step);
            }
        }

        return steps;
    }
}
