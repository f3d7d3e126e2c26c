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
        var facts = reading.Facts.Select(entry => entry.Fact).ToList();

        if (facts.OfType<CallRequested>().FirstOrDefault() is not { } call)
        {
            return new MeshError(StatusCode.NotFound, Reason.CallNotFound, $"The task has no call {step}.");
        }

        var question = facts.FindLastIndex(fact => fact is CallSettled { End: CallEnd.Unknown });

        if (question < 0)
        {
            return NotUnknown(step, reading);
        }

        var suspect = ((CallSettled)facts[question]).Dispatch;
        Fact? answer = outcome switch
        {
            V1.SettleCallRequest.Types.Outcome.Performed => new CallSettled(new CallEnd.Succeeded(result, 0, actor), suspect, null),
            V1.SettleCallRequest.Types.Outcome.Failed => new CallSettled(
                new CallEnd.Failed("SETTLED_AS_FAILED", reason, 0, result, actor), suspect, null),
            V1.SettleCallRequest.Types.Outcome.NotPerformed => new CallNotSent(suspect, $"{actor}: {reason}"),
            _ => null,
        };

        if (answer is null)
        {
            return new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, "outcome must be performed, not performed or failed.")
            {
                Fields = [new FieldError("outcome", "must be performed, not performed or failed")],
            };
        }

        if (question < facts.Count - 1)
        {
            // Answered before. The same answer again is a repeat whose own answer was lost, however the call went on since.
            return IsSame(facts[question + 1], answer) ? null : NotUnknown(step, reading);
        }

        var written = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Step = step,
                StepFactsSeen = reading.Facts.Count,
                Fence = new Fence.Settlement(),
                Facts = [answer],
                ToolDone = answer is CallSettled { End: CallEnd.Succeeded } ? call.Tool : null,
                Reservation = reading.HasReservation ? new ReservationEnd(call.Digest, ((CallState.Unknown)reading.CallState).Dispatches, Performed: answer is CallSettled) : null,
                Arrives = new Arrival(new Wait.Settlement(step.Value).Name, $"{step} settled by {actor}: {reason}"),
            },
            stop);

        if (written is not JournalAnswer.Written { Task: var settled })
        {
            return JournalRefusals.Explain(written);
        }

        signals.Raise(task.Key);

        if (settled.State == TaskState.Ready)
        {
            offers.Stir(settled.WorkflowKey);
        }

        return null;
    }

    private static bool IsSame(Fact said, Fact again) => (said, again) switch
    {
        (CallSettled { End: CallEnd.Succeeded s }, CallSettled { End: CallEnd.Succeeded a }) =>
            s.Value.Span.SequenceEqual(a.Value.Span) && s.SettledBy == a.SettledBy,
        (CallSettled { End: CallEnd.Failed s }, CallSettled { End: CallEnd.Failed a }) =>
            s.Value.Span.SequenceEqual(a.Value.Span) && s with { Value = default } == a with { Value = default },
        (CallNotSent s, CallNotSent a) => s == a,
        _ => false,
    };

    private static MeshError NotUnknown(StepKey step, StepReading reading) => new(
        StatusCode.FailedPrecondition,
        Reason.CallNotUnknown,
        $"The call {step} does not wait for a person: it is {reading.CallState.GetType().Name}.");
}
