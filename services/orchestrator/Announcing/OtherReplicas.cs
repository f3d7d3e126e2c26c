using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Postgres;

namespace Mesh.Orchestrator.Announcing;

/// <summary>
/// Tells other replicas what may concern somebody who waits there, and is told by them: a task is ready and no agent waits for it here, a
/// task moved, manifests were applied.
/// </summary>
/// <remarks>A hint for each event, and none for what was only heard: replicas never answer each other. The loops find what a lost hint would have told.</remarks>
internal sealed class OtherReplicas(ReplicaHints hints, WorkOffers offers, Assignments assignments, TaskSignals signals, Catalog catalog) : IHostedService
{
    private const string Ready = "ready";
    private const string Moved = "moved";
    private const string Applied = "applied";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        hints.Heard += Hear;
        offers.Passed += TellReady;
        signals.Raised += TellMoved;
        catalog.Applied += TellApplied;

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        hints.Heard -= Hear;
        offers.Passed -= TellReady;
        signals.Raised -= TellMoved;
        catalog.Applied -= TellApplied;

        return Task.CompletedTask;
    }

    private void TellReady(WorkflowKey workflow)
    {
        if (hints.HasOthers)
        {
            hints.Raise($"{Ready} {workflow.Tenant} {workflow.Workflow} {workflow.Version}");
        }
    }

    private void TellMoved(TaskKey task)
    {
        if (hints.HasOthers)
        {
            hints.Raise($"{Moved} {task.Tenant} {task.Id:N}");
        }
    }

    private void TellApplied() => hints.Raise(Applied);

    private void Hear(string hint)
    {
        switch (hint.Split(' '))
        {
            case [Ready, var tenant, var workflow, var version]:
                var key = new WorkflowKey(tenant, workflow, version);

                // First: who begins to wait from here on looks by itself.
                offers.Remain(key);

                if (offers.IsWaitedFor(key))
                {
                    offers.Stir(key);
                }
                else
                {
                    // The tool runner that would start its agent may be waiting here.
                    assignments.Stir();
                }

                break;

            case [Moved, var tenant, var id] when Guid.TryParseExact(id, "N", out var task):
                signals.Wake(new TaskKey(tenant, task));
                break;

            case [Applied]:
                catalog.Forget();
                break;
        }
    }
}
