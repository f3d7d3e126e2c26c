using System.Diagnostics;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator;

/// <summary>Takes one tool call from request to journaled result.</summary>
/// <remarks>
/// The journal is the only memory. A first run, an agent's retry, a recovery after a crash and a person's settlement all
/// enter at the same place and go on from the last recorded fact. Calls of one task may run side by side; two that race for
/// one step are told apart by how many of its facts they have seen.
/// </remarks>
internal sealed class ToolCallFlow(JournalStore journal, PolicyGate policy, ToolDispatcher tools, TimeProvider clock)
{
    // A call takes three passes when all goes well. More means crashes, races or a target that refuses connections.
    private const int PassesMax = 40;

    // A message of the bus holds 1 MiB; what else a settlement carries takes much less than is left.
    private const int ValueBytesMax = 960 * 1024;

    /// <summary>Dispatches of one call that went wrong, probes included. Past this only a person goes on.</summary>
    private const int DispatchesMax = 6;

    /// <summary>Runs the call to an answer.</summary>
    /// <param name="call">The call, checked at intake.</param>
    /// <param name="seen">Its step as intake has just read it; null when that was a while ago.</param>
    /// <param name="stop">Ends the waiting; what was dispatched is still settled.</param>
    public async Task<CallResult> RunAsync(ToolCall call, StepReading? seen, CancellationToken stop)
    {
        using var trace = MeshTraces.StartIn(MeshSemantics.Orchestrator, call.Traceparent).Of(call.Task.Tenant, call.Task.Id)
            ?.SetTag(MeshSemantics.Workflow, call.Workflow.Name)
            .SetTag(MeshSemantics.Tool, call.Tool.Name)
            .SetTag(MeshSemantics.Action, call.Digest.ToString());

        for (var pass = 1; pass <= PassesMax; pass++)
        {
            var reading = seen ?? await journal.ReadStepAsync(call.Task, call.Step, stop);
            (seen, var result) = await TakeAsync(await NextAsync(call, reading, stop), stop);

            if (result is not null)
            {
                trace?.SetTag(MeshSemantics.Outcome, result is CallResult.Ended ended ? ended.End.GetType().Name : result.GetType().Name);

                return result;
            }
        }

        return new CallResult.Refused(new MeshError(
            StatusCode.Unavailable, Reason.Overloaded, "The call kept moving under this request. Try again.")
        { RetryAfter = TimeSpan.FromSeconds(1) });
    }

    /// <summary>
    /// Finds out what became of a call that nobody will ask for again, because its task is about to end. Dispatches nothing:
    /// what cannot be found out without that is for a person to look at.
    /// </summary>
    /// <returns>Why it is still open; null once it is not.</returns>
    public async Task<MeshError?> CloseAsync(ToolCall call, CancellationToken stop)
    {
        for (var pass = 1; pass <= PassesMax; pass++)
        {
            var reading = await journal.ReadStepAsync(call.Task, call.Step, stop);
            var move = reading.CallState switch
            {
                CallState.Dispatched s => await RecoverAsync(call, reading, s.Dispatch, s.Suspect, stop),
                CallState.Probing s => await RecoverAsync(call, reading, s.Dispatch, s.Suspect, stop),
                CallState.Interrupted s => GiveUp(call, reading, s.Suspect),
                _ => null,
            };

            if (move is null)
            {
                return null;
            }

            // Nothing follows that a pause would be for.
            if (await TakeAsync(move is Move.Record record ? record with { Pause = TimeSpan.Zero } : move, stop) is (_, CallResult.Refused refused))
            {
                return refused.Error;
            }
        }

        return JournalRefusals.Explain(new JournalAnswer.CallOpen());
    }

    // What this flow wrote itself it need not read again: nobody came in between.
    private async Task<(StepReading? Known, CallResult? Result)> TakeAsync(Move move, CancellationToken stop)
    {
        switch (move)
        {
            case Move.Answer answer:
                return (null, answer.Result);

            case Move.ReadAgain later:
                await Task.Delay(later.Pause, clock, stop);
                return (null, null);

            case Move.Record record:
                // What happened outside must be written down, whoever hung up meanwhile.
                var written = await journal.AppendAsync(
                    record.Write, record.Write.Fence is Fence.Settlement ? CancellationToken.None : stop);

                if (written is not (JournalAnswer.Written or JournalAnswer.StepMoved))
                {
                    return (null, new CallResult.Refused(JournalRefusals.Explain(written)));
                }

                await Task.Delay(record.Pause, clock, stop);

                return written is JournalAnswer.Written known && record.Pause == TimeSpan.Zero
                    ? (record.Seen.After(record.Write, known), null)
                    : (null, null);

            default:
                throw new UnreachableException($"A move of type {move.GetType().Name} cannot be taken.");
        }
    }

    private async Task<Move> NextAsync(ToolCall call, StepReading reading, CancellationToken stop)
    {
        if (reading.Task is not { } task)
        {
            return Refuse(StatusCode.NotFound, Reason.TaskNotFound, "There is no such task.");
        }

        // Replaced meanwhile. The next holder runs it now, and must not find its dispatches fenced by this one.
        if (!task.IsHeldBy(call.ClaimHash))
        {
            return new Move.Answer(new CallResult.Refused(JournalRefusals.Explain(new JournalAnswer.ClaimLost())));
        }

        return reading.CallState switch
        {
            CallState.Settled settled => SameCall(call, settled.Call) ?? new Move.Answer(new CallResult.Ended(settled.End)),
            CallState.Unknown unknown => SameCall(call, unknown.Call) ?? Waits(new Wait.Settlement(call.Step.Value), unknown.Message),

            CallState.New => await DecideAsync(call, task, reading, 0, suspect: 0, stop),
            CallState.Requested s => SameCall(call, s.Call) ?? Rests(reading, s.Dispatches)
                ?? await DecideAsync(call, task, reading, s.Dispatches, suspect: 0, stop),
            CallState.Held s => SameCall(call, s.Call) ?? await DecideAsync(call, task, reading, s.Dispatches, suspect: 0, stop),

            // Found without an outcome: whoever dispatched it crashed, was replaced, or is still at it.
            CallState.Dispatched s => SameCall(call, s.Call) ?? await RecoverAsync(call, reading, s.Dispatch, s.Suspect, stop),
            CallState.Probing s => SameCall(call, s.Call) ?? await RecoverAsync(call, reading, s.Dispatch, s.Suspect, stop),
            CallState.Interrupted s => SameCall(call, s.Call) ?? await ClearUpAsync(call, task, reading, s, stop),

            var state => throw new UnreachableException($"A call that is {state.GetType().Name} has no next step."),
        };
    }

    private async Task<Move> RecoverAsync(ToolCall call, StepReading reading, int dispatch, int suspect, CancellationToken stop) =>
        Settle(call, reading, dispatch, suspect, await tools.RecoverAsync(call, dispatch, reading.LastAt, stop));

    // Whether it arrived is not known. It may be sent again only where the manifest says that this is safe; else the target
    // is asked; else a person is.
    private async Task<Move> ClearUpAsync(
        ToolCall call, TaskRow task, StepReading reading, CallState.Interrupted interrupted, CancellationToken stop)
    {
        var isRepeatable = call.Tool.Manifest.Repeat is { IsSafe: true };
        var isProbed = !isRepeatable && call.Tool.Manifest.Reconcile is not null;

        // A target that is still at it would tell a probe that nothing happened.
        if (isProbed
            && InterruptedAt(reading, interrupted.Suspect) + call.Tool.Manifest.Timeout - clock.GetUtcNow() is var early
            && early > TimeSpan.Zero)
        {
            return new Move.ReadAgain(early);
        }

        return (isRepeatable || isProbed) && BadTurns(reading).Count < DispatchesMax
            ? await DecideAsync(call, task, reading, interrupted.Dispatches, interrupted.Suspect, stop)
            : GiveUp(call, reading, interrupted.Suspect);
    }

    private static Move.Record GiveUp(ToolCall call, StepReading reading, int suspect, Span? span = null) =>
        Record(call, reading, [new CallSettled(new CallEnd.Unknown(UnknownMessage(call)), suspect, null)], span);

    private async Task<Move> DecideAsync(
        ToolCall call, TaskRow task, StepReading reading, int dispatches, int suspect, CancellationToken stop)
    {
        if (suspect == 0 && BadTurns(reading).Count >= DispatchesMax)
        {
            return new Move.Record(reading, NeverSent(
                call, reading, dispatches, BadTurns(reading).OfType<CallNotSent>().Last().Reason, $"Not sent in {dispatches} attempts."));
        }

        // Policy is told what the task has done so far. If that was remembered, it has to be so still.
        var deciding = policy.DecideAsync(call, task, dispatches + 1, stop);
        var checking = reading.RememberedAt is { } version ? journal.IsAtAsync(call.Task, version, stop) : Task.FromResult(true);
        await Task.WhenAll(deciding, checking);

        if (!await checking)
        {
            return new Move.ReadAgain();
        }

        // The gate fails closed: no answer from policy records nothing.
        var answer = await deciding;

        if (answer is not PolicyAnswer.Decided { Decision: var decision, Span: var span })
        {
            return new Move.Answer(new CallResult.Refused(((PolicyAnswer.Silent)answer).Error));
        }

        IReadOnlyList<Fact> known = reading.Facts.Count == 0
            ? [call.AsFact(), new CallDecided(decision)]
            : [new CallDecided(decision)];

        return decision switch
        {
            Decision.Permitted permitted => await DispatchAsync(
                new Dispatch.Dispatch(call, dispatches + 1, task.Epoch, PurposeOf(call, suspect), permitted.Note),
                reading, known, span, suspect),

            // What is already out there cannot be refused any more: what is refused is to repeat it or to ask about it.
            _ when suspect > 0 => GiveUp(call, reading, suspect, span),

            Decision.Denied denied => Record(call, reading,
                [.. known, new CallSettled(new CallEnd.Denied(denied.Reason, denied.Message, denied.Why.DecidedBy), 0, null)], span),

            Decision.NeedsApproval held when reading.CallState is CallState.Held before && before.Decision.ApprovalId == held.ApprovalId =>
                Waits(new Wait.Approval(held.ApprovalId), held.Message),
            Decision.NeedsApproval => Record(call, reading, known, span),
            _ => throw new UnreachableException($"A decision of type {decision.GetType().Name} is unknown."),
        };
    }

    private async Task<Move> DispatchAsync(
        Dispatch.Dispatch dispatch, StepReading reading, IReadOnlyList<Fact> known, Span decided, int suspect)
    {
        var call = dispatch.Call;

        // Durable at the same time: that the call may be out, that the log says so, and the lease. From here a crash means
        // "may have run", never "did not run". The caller may hang up: what is dispatched goes its way to its outcome.
        var write = Write(call, reading, [.. known, new CallDispatched(dispatch.Number, dispatch.Purpose)], decided) with
        {
            Fence = new Fence.LiveClaim(call.ClaimHash),
        };
        var recording = journal.AppendAsync(write, CancellationToken.None);
        var collecting = tools.CollectAsync(dispatch, CancellationToken.None);
        var recorded = await recording;
        var tickets = await collecting;

        if (recorded is not JournalAnswer.Written written)
        {
            // Nobody was told: the tickets die unused.
            return recorded is JournalAnswer.StepMoved
                ? new Move.ReadAgain()
                : new Move.Answer(new CallResult.Refused(JournalRefusals.Explain(recorded)));
        }

        var seen = reading.After(write, written);

        if (tickets is not TicketAnswer.Collected { Tickets: var collected })
        {
            return await WithdrawAsync(call, seen, dispatch.Number, suspect, ((TicketAnswer.Missing)tickets).Error);
        }

        var outcome = await tools.RunAsync(dispatch, collected, CancellationToken.None);

        if (outcome is DispatchOutcome.Lost)
        {
            outcome = await tools.RecoverAsync(call, dispatch.Number, seen.LastAt, CancellationToken.None);
        }

        return Settle(call, seen, dispatch.Number, suspect, outcome);
    }

    // A ticket is missing, so nothing was sent. The fence makes that certain before the journal says so, and the agent is
    // told which ticket it was.
    private async Task<Move> WithdrawAsync(ToolCall call, StepReading seen, int dispatch, int suspect, MeshError missing)
    {
        if (await tools.RecoverAsync(call, dispatch, seen.LastAt, CancellationToken.None) is DispatchOutcome.NotSent)
        {
            await journal.AppendAsync(NotSent(call, seen, dispatch, suspect, missing.Reason.Name()), CancellationToken.None);
        }

        var pause = PauseAfter(dispatch);

        return new Move.Answer(new CallResult.Refused(missing.RetryAfter > pause ? missing : missing with { RetryAfter = pause }));
    }

    private static Move Settle(ToolCall call, StepReading reading, int dispatch, int suspect, DispatchOutcome outcome)
    {
        var settlement = outcome switch
        {
            DispatchOutcome.Answered o => Performed(o.End, dispatch, o.Custody),
            DispatchOutcome.ProbePerformed o => Performed(
                new CallEnd.Succeeded(o.Value, o.HttpStatus, SettledBy: "probe"), suspect, o.Custody),
            DispatchOutcome.ProbeNotPerformed => Write(call, reading, [new CallNotSent(suspect, "PROBED")]) with { Reservation = GivenBack(call, reading, dispatch) },
            DispatchOutcome.NotSent { IsFinal: true } o when suspect == 0 => NeverSent(call, reading, dispatch, o.Reason, o.Message),
            DispatchOutcome.NotSent o => NotSent(call, reading, dispatch, suspect, o.Reason),
            DispatchOutcome.Unclear => Write(call, reading, [new CallInterrupted(dispatch)]),
            DispatchOutcome.CannotTell => null,
            _ => throw new UnreachableException($"An outcome of type {outcome.GetType().Name} cannot be settled."),
        };

        if (settlement is null)
        {
            return new Move.Answer(new CallResult.Refused(((DispatchOutcome.CannotTell)outcome).Error));
        }

        var pause = outcome is DispatchOutcome.NotSent { IsFinal: false } or DispatchOutcome.Unclear ? PauseAfter(dispatch) : TimeSpan.Zero;

        return new Move.Record(reading, settlement with { Spans = outcome.Spans }, pause);

        JournalWrite Performed(CallEnd end, int told, Custody? custody) =>
            Write(call, reading, [new CallSettled(WithinBounds(end), told, custody)]) with
            {
                Reservation = reading.HasReservation ? new ReservationEnd(call.Digest, dispatch, Performed: true) : null,
                ToolDone = end is CallEnd.Succeeded ? call.Tool.Name : null,
            };
    }

    // An answer that does not fit into a message of the bus could not be journaled, now or on any retry. That the call was
    // performed is never lost for it.
    private static CallEnd WithinBounds(CallEnd end) => end switch
    {
        CallEnd.Succeeded { Value.Length: > ValueBytesMax } e => new CallEnd.Failed(
            Reason.ToolOutputTooLarge.Name(), TooLargeMessage(e.Value.Length), e.HttpStatus, default, e.SettledBy),
        CallEnd.Failed { Value.Length: > ValueBytesMax } e => e with
        {
            Reason = Reason.ToolOutputTooLarge.Name(),
            Message = TooLargeMessage(e.Value.Length),
            Value = default,
        },
        _ => end,
    };

    private static string TooLargeMessage(int bytes) =>
        $"The target answered with {bytes} bytes; at most {ValueBytesMax} can be recorded. What was done outside is done.";

    private static JournalWrite NeverSent(ToolCall call, StepReading reading, int dispatch, string reason, string message) =>
        Write(call, reading, [new CallSettled(new CallEnd.NotSent(reason, message), dispatch, null)]) with
        {
            Reservation = GivenBack(call, reading, dispatch),
        };

    // While it may be out, by this dispatch or by the one that this was to repeat, what it holds stays counted. Once it is
    // certain that nothing is, others may have the room: the next dispatch is measured anew, and there may never be one.
    private static JournalWrite NotSent(ToolCall call, StepReading reading, int dispatch, int suspect, string reason) =>
        Write(call, reading, [new CallNotSent(dispatch, reason)]) with { Reservation = suspect == 0 ? GivenBack(call, reading, dispatch) : null };

    private static ReservationEnd? GivenBack(ToolCall call, StepReading reading, int dispatch) =>
        reading.HasReservation ? new ReservationEnd(call.Digest, dispatch, Performed: false) : null;

    // What the target or the call itself stood in the way of. A person who has looked, and has it sent again, starts the count anew.
    private static List<Fact> BadTurns(StepReading reading)
    {
        var turns = new List<Fact>();
        var isPersonsTurn = false;

        foreach (var fact in reading.Facts.Select(entry => entry.Fact))
        {
            if (isPersonsTurn)
            {
                turns.Clear();
            }
            else if (fact is CallInterrupted || (fact is CallNotSent notSent && !Reports.IsOurs(ReasonNames.Parse(notSent.Reason))))
            {
                turns.Add(fact);
            }

            isPersonsTurn = fact is CallSettled { End: CallEnd.Unknown };
        }

        return turns;
    }

    // The same step with other arguments is not the same call: the handler was changed under a running task.
    private static Move.Answer? SameCall(ToolCall call, CallRequested recorded) => recorded.Digest == call.Digest
        ? null
        : Refuse(
            StatusCode.FailedPrecondition,
            Reason.HandlerChanged,
            $"The step {call.Step} was recorded as another call (of {recorded.Tool}); the handler now asks for {call.Tool.Name} with other arguments.");

    private static Move.Record Record(ToolCall call, StepReading reading, IReadOnlyList<Fact> facts, Span? span = null) =>
        new(reading, Write(call, reading, facts, span) with
        {
            Fence = facts[0] is CallRequested or CallDecided ? new Fence.LiveClaim(call.ClaimHash) : new Fence.Settlement(),
        });

    private static JournalWrite Write(ToolCall call, StepReading reading, IReadOnlyList<Fact> facts, Span? span = null) => new()
    {
        Task = call.Task,
        Step = call.Step,
        StepFactsSeen = reading.Facts.Count,
        Facts = facts,
        Fence = new Fence.Settlement(),
        StepsMax = call.Workflow.StepsMax,
        Spans = span is null ? [] : [span],
    };

    // A target that refuses connections, or a service of ours that gives no ticket, is given a moment before it is tried again.
    // Up to 6.4 s: each try is facts in the journal and an intent in the log, for as long as the task lives.
    private static TimeSpan PauseAfter(int dispatch) => TimeSpan.FromMilliseconds(50 << Math.Min(dispatch, 7));

    // An agent that asks again sooner than it was told waits here.
    private Move.ReadAgain? Rests(StepReading reading, int dispatches) =>
        reading.Facts[^1].Fact is CallNotSent withdrawn
        && Reports.IsOurs(ReasonNames.Parse(withdrawn.Reason))
        && reading.LastAt + PauseAfter(dispatches) - clock.GetUtcNow() is var early && early > TimeSpan.Zero
            ? new Move.ReadAgain(early)
            : null;

    private static DateTimeOffset InterruptedAt(StepReading reading, int suspect) =>
        reading.Facts.Last(entry => entry.Fact is CallInterrupted interrupted && interrupted.Dispatch == suspect).Time;

    private static DispatchPurpose PurposeOf(ToolCall call, int suspect) =>
        suspect > 0 && call.Tool.Manifest.Repeat is not { IsSafe: true } ? DispatchPurpose.Probe : DispatchPurpose.Perform;

    private static string UnknownMessage(ToolCall call) =>
        $"{call.Tool.Name} may or may not have happened. Look at the target, then say so with: mesh task settle {call.Task.Id} {call.Step}";

    private static Move.Answer Waits(Wait on, string message) => new(new CallResult.Waiting(on, message));

    private static Move.Answer Refuse(StatusCode code, Reason reason, string message) =>
        new(new CallResult.Refused(new MeshError(code, reason, message)));

    /// <summary>What to do next about a call.</summary>
    private abstract record Move
    {
        internal sealed record Answer(CallResult Result) : Move;

        /// <summary>Write down what follows from what was seen, wait that long, and go on from there.</summary>
        internal sealed record Record(StepReading Seen, JournalWrite Write, TimeSpan Pause = default) : Move;

        internal sealed record ReadAgain(TimeSpan Pause = default) : Move;
    }
}
