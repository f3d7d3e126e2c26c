using Mesh.Integrity;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Finds the calls of a task that were dispatched and have no recorded outcome.</summary>
internal sealed class OpenCalls(JournalStore journal, Catalog catalog)
{
    public async Task<IReadOnlyList<ToolCall>> FindAsync(TaskRow task, CancellationToken stop)
    {
        var steps = await StepsAsync(task, stop);

        if (steps.Count == 0
            || await catalog.FindAsync(new WorkflowKey(task.Key.Tenant, task.Workflow, task.WorkflowVersion), stop) is not { } workflow)
        {
            return [];
        }

        var calls = new List<ToolCall>();

        foreach (var step in steps)
        {
            var reading = await journal.ReadStepAsync(task.Key, step, stop);

            if (reading.Facts.Select(entry => entry.Fact).OfType<CallRequested>().FirstOrDefault() is { } requested
                && workflow.Tools.TryGetValue(requested.Tool, out var tool))
            {
                calls.Add(Of(task, workflow, step, requested, tool));
            }
        }

        return calls;
    }

    /// <summary>A call as it was recorded. It has no claim, so it can be settled but never dispatched.</summary>
    public static ToolCall Of(
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
        };

    private async Task<IReadOnlyList<StepKey>> StepsAsync(TaskRow task, CancellationToken stop)
    {
        await using var command = journal.Command(
            """
            select j.step from orchestrator.journal j
            where j.tenant_id = $1 and j.task_id = $2 and j.kind = 'CallDispatched' and not exists (
              select 1 from orchestrator.journal later
              where later.tenant_id = j.tenant_id and later.task_id = j.task_id and later.step = j.step and later.step <> ''
                and later.step_fact > j.step_fact)
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
