using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Waiting;

/// <summary>A person says how a call ended whose outcome nobody could know.</summary>
internal sealed class Settlements(JournalStore journal, WorkOffers offers, TaskSignals signals)
{
    public async Task<MeshError?> SettleAsync(
        TaskRow task,
        StepKey step,
        V1.SettleCallRequest.Types.Outcome outcome,
        ReadOnlyMemory<byte> result,
        string actor,
        string reason,
        CancellationToken stop)
    {
        var reading = await journal.ReadStepAsync(task.Key, step, stop);

        if (reading.Facts.Count == 0)
        {
            return new MeshError(StatusCode.NotFound, Reason.CallNotFound, $"The task has no call {step}.");
        }

        if (reading.CallState is not CallState.Unknown unknown)
        {
            return new MeshError(
                StatusCode.FailedPrecondition, Reason.CallNotUnknown, $"The call {step} does not wait for a person: it is {reading.CallState.GetType().Name}.");
        }

        Fact? fact = outcome switch
        {
            V1.SettleCallRequest.Types.Outcome.Performed => new CallSettled(
                new CallEnd.Succeeded(result, 0, actor), unknown.Suspect, null),
            V1.SettleCallRequest.Types.Outcome.Failed => new CallSettled(
                new CallEnd.Failed("SETTLED_AS_FAILED", reason, 0, result, actor), unknown.Suspect, null),
            V1.SettleCallRequest.Types.Outcome.NotPerformed => new CallNotSent(unknown.Suspect, $"{actor}: {reason}"),
            _ => null,
        };

        if (fact is null)
        {
            return new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, "outcome must be performed, not performed or failed.");
        }

        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Step = step,
                StepFactsSeen = reading.Facts.Count,
                Fence = new Fence.Settlement(),
                Facts = [fact],
                ToolDone = fact is CallSettled { End: CallEnd.Succeeded } ? unknown.Call.Tool : null,
                Reservation = reading.HasReservation ? new ReservationEnd(unknown.Call.Digest, unknown.Dispatches, Performed: fact is CallSettled) : null,
                Arrives = new Arrival(new Wait.Settlement(step.Value).Name, $"{step} settled by {actor}: {reason}"),
            },
            stop);

        if (answer is not JournalAnswer.Written { Task: var settled })
        {
            return JournalRefusals.Explain(answer);
        }

        signals.Raise(task.Key);

        if (settled.State == TaskState.Ready)
        {
            offers.Stir(new WorkflowKey(task.Key.Tenant, task.Workflow, task.WorkflowVersion));
        }

        return null;
    }
}
