using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>Facts as the bytes that journal, bus and audit log share, both ways. Nothing else writes or reads them.</summary>
internal static class FactWire
{
    public static byte[] Write(
        TaskKey task, string step, long epoch, DateTimeOffset time, IReadOnlyList<Span> spans, Fact fact)
    {
        var wire = new Facts.V1.TaskFact
        {
            Tenant = task.Tenant,
            TaskId = Ids.Write(task.Id),
            Step = step,
            Epoch = epoch,
            Time = time.ToTimestamp(),
        };
        wire.Spans.AddRange(spans.Select(WriteSpan));
        WriteKind(wire, fact);

        return wire.ToByteArray();
    }

    public static JournalEntry Read(long seq, byte[] body)
    {
        var wire = Facts.V1.TaskFact.Parser.ParseFrom(body);

        return new JournalEntry(
            seq, wire.Step, wire.Epoch, wire.Time.ToDateTimeOffset(), [.. wire.Spans.Select(ReadSpan)], ReadKind(wire));
    }

    public static Facts.V1.Span WriteSpan(Span span) => new()
    {
        Name = span.Name,
        Subject = span.Subject,
        Outcome = span.Outcome,
        StartedAt = span.StartedAt.ToTimestamp(),
        Duration = span.Duration.ToDuration(),
        Waiting = span.Waiting,
    };

    public static Span ReadSpan(Facts.V1.Span span) => new(
        span.Name, span.Subject, span.Outcome, span.StartedAt.ToDateTimeOffset(), span.Duration.ToTimeSpan(), span.Waiting);

    private static void WriteKind(Facts.V1.TaskFact wire, Fact fact)
    {
        switch (fact)
        {
            case TaskSubmitted f:
                wire.TaskSubmitted = new Facts.V1.TaskSubmitted
                {
                    Workflow = f.Workflow,
                    WorkflowVersion = f.WorkflowVersion,
                    Input = Bytes(f.Input),
                    Initiator = f.Initiator,
                    RequestId = f.RequestId,
                    PolicySetDigest = f.PolicySetDigest,
                    Rules = { f.Rules },
                };
                break;
            case TaskClaimed f:
                wire.TaskClaimed = new Facts.V1.TaskClaimed { Instance = f.Instance, Attempt = f.Attempt };
                break;
            case TaskClaimEnded f:
                wire.TaskClaimEnded = new Facts.V1.TaskClaimEnded { Cause = (Facts.V1.TaskClaimEnded.Types.Cause)f.Cause };
                break;
            case TaskParked f:
                wire.TaskParked = WriteParked(f);
                break;
            case TaskResumed f:
                wire.TaskResumed = new Facts.V1.TaskResumed { Because = f.Because };
                break;
            case TaskFinished f:
                wire.TaskFinished = new Facts.V1.TaskFinished
                {
                    Outcome = (Facts.V1.TaskFinished.Types.Outcome)f.Outcome,
                    Result = Bytes(f.Result),
                    Reason = f.Reason,
                    Message = f.Message,
                    Actor = f.Actor,
                };
                break;
            case StepRecorded f:
                wire.StepRecorded = new Facts.V1.StepRecorded { Position = f.Position, Value = Bytes(f.Value) };
                break;
            case CallRequested f:
                wire.CallRequested = new Facts.V1.CallRequested
                {
                    Position = f.Position,
                    Tool = f.Tool,
                    ToolDigest = f.ToolDigest,
                    Arguments = Bytes(f.Arguments),
                    ActionDigest = Ids.Write(f.Digest),
                };
                break;
            case CallDecided f:
                wire.CallDecided = WriteDecided(f.Decision);
                break;
            case CallDispatched f:
                wire.CallDispatched = new Facts.V1.CallDispatched
                {
                    Dispatch = f.Dispatch,
                    Purpose = (Facts.V1.CallDispatched.Types.Purpose)f.Purpose,
                };
                break;
            case CallInterrupted f:
                wire.CallInterrupted = new Facts.V1.CallInterrupted { Dispatch = f.Dispatch };
                break;
            case CallNotSent f:
                wire.CallNotSent = new Facts.V1.CallNotSent { Dispatch = f.Dispatch, Reason = f.Reason };
                break;
            case CallSettled f:
                wire.CallSettled = WriteSettled(f);
                break;
            default:
                throw new InvalidOperationException($"A fact of type {fact.GetType().Name} has no wire form.");
        }
    }

    private static Fact ReadKind(Facts.V1.TaskFact wire) => wire.KindCase switch
    {
        Facts.V1.TaskFact.KindOneofCase.TaskSubmitted => new TaskSubmitted(
            wire.TaskSubmitted.Workflow,
            wire.TaskSubmitted.WorkflowVersion,
            wire.TaskSubmitted.Input.Memory,
            wire.TaskSubmitted.Initiator,
            wire.TaskSubmitted.RequestId,
            wire.TaskSubmitted.PolicySetDigest,
            [.. wire.TaskSubmitted.Rules]),
        Facts.V1.TaskFact.KindOneofCase.TaskClaimed => new TaskClaimed(wire.TaskClaimed.Instance, wire.TaskClaimed.Attempt),
        Facts.V1.TaskFact.KindOneofCase.TaskClaimEnded => new TaskClaimEnded((ClaimEnd)wire.TaskClaimEnded.Cause),
        Facts.V1.TaskFact.KindOneofCase.TaskParked => ReadParked(wire.TaskParked),
        Facts.V1.TaskFact.KindOneofCase.TaskResumed => new TaskResumed(wire.TaskResumed.Because),
        Facts.V1.TaskFact.KindOneofCase.TaskFinished => new TaskFinished(
            (TaskOutcome)wire.TaskFinished.Outcome,
            wire.TaskFinished.Result.Memory,
            wire.TaskFinished.Reason,
            wire.TaskFinished.Message,
            wire.TaskFinished.Actor),
        Facts.V1.TaskFact.KindOneofCase.StepRecorded => new StepRecorded(
            wire.StepRecorded.Position, wire.StepRecorded.Value.Memory),
        Facts.V1.TaskFact.KindOneofCase.CallRequested => new CallRequested(
            wire.CallRequested.Position,
            wire.CallRequested.Tool,
            wire.CallRequested.ToolDigest,
            wire.CallRequested.Arguments.Memory,
            Ids.ReadDigest(wire.CallRequested.ActionDigest)),
        Facts.V1.TaskFact.KindOneofCase.CallDecided => new CallDecided(ReadDecided(wire.CallDecided)),
        Facts.V1.TaskFact.KindOneofCase.CallDispatched => new CallDispatched(
            wire.CallDispatched.Dispatch, (DispatchPurpose)wire.CallDispatched.Purpose),
        Facts.V1.TaskFact.KindOneofCase.CallInterrupted => new CallInterrupted(wire.CallInterrupted.Dispatch),
        Facts.V1.TaskFact.KindOneofCase.CallNotSent => new CallNotSent(wire.CallNotSent.Dispatch, wire.CallNotSent.Reason),
        Facts.V1.TaskFact.KindOneofCase.CallSettled => ReadSettled(wire.CallSettled),
        _ => throw new InvalidDataException("A journal entry of a kind that this version does not know."),
    };

    private static Facts.V1.TaskParked WriteParked(TaskParked fact)
    {
        var wire = new Facts.V1.TaskParked { Message = fact.Message };

        switch (fact.On)
        {
            case Wait.Approval a:
                wire.ApprovalId = a.Id;
                break;
            case Wait.Settlement s:
                wire.UnknownStep = s.Step;
                break;
            case Wait.Attention a:
                wire.Attention = a.Reason;
                break;
            case Wait.Until u:
                wire.Until = u.Time.ToTimestamp();
                break;
        }

        return wire;
    }

    private static TaskParked ReadParked(Facts.V1.TaskParked wire) => new(
        wire.WaitsOnCase switch
        {
            Facts.V1.TaskParked.WaitsOnOneofCase.ApprovalId => new Wait.Approval(wire.ApprovalId),
            Facts.V1.TaskParked.WaitsOnOneofCase.UnknownStep => new Wait.Settlement(wire.UnknownStep),
            Facts.V1.TaskParked.WaitsOnOneofCase.Attention => new Wait.Attention(wire.Attention),
            Facts.V1.TaskParked.WaitsOnOneofCase.Until => new Wait.Until(wire.Until.ToDateTimeOffset()),
            _ => throw new InvalidDataException("A parked task that waits on something that this version does not know."),
        },
        wire.Message);

    private static Facts.V1.CallDecided WriteDecided(Decision decision)
    {
        var wire = new Facts.V1.CallDecided
        {
            PolicySetDigest = decision.Why.PolicySetDigest,
            Rules = { decision.Why.Rules },
            DecidedBy = decision.Why.DecidedBy,
            Degraded = decision.Why.Degraded,
        };

        switch (decision)
        {
            case Decision.Permitted d:
                wire.Effect = Facts.V1.CallDecided.Types.Effect.Permitted;
                wire.DecisionId = d.DecisionId;
                wire.Decision = Bytes(d.Note);
                wire.Reserved = d.Reserved;
                wire.ApprovalId = d.ApprovalId;
                break;
            case Decision.Denied d:
                wire.Effect = Facts.V1.CallDecided.Types.Effect.Denied;
                wire.Refusal = d.Reason;
                wire.Reason = d.Message;
                break;
            case Decision.NeedsApproval d:
                wire.Effect = Facts.V1.CallDecided.Types.Effect.NeedsApproval;
                wire.ApprovalId = d.ApprovalId;
                wire.Reason = d.Message;
                break;
        }

        return wire;
    }

    private static Decision ReadDecided(Facts.V1.CallDecided wire)
    {
        var why = new Explanation(wire.PolicySetDigest, [.. wire.Rules], wire.DecidedBy, wire.Degraded);

        return wire.Effect switch
        {
            Facts.V1.CallDecided.Types.Effect.Permitted => new Decision.Permitted(
                why, wire.DecisionId, wire.Decision.Memory, wire.Reserved, wire.ApprovalId),
            Facts.V1.CallDecided.Types.Effect.Denied => new Decision.Denied(why, wire.Refusal, wire.Reason),
            Facts.V1.CallDecided.Types.Effect.NeedsApproval => new Decision.NeedsApproval(why, wire.ApprovalId, wire.Reason),
            _ => throw new InvalidDataException("A decision with an effect that this version does not know."),
        };
    }

    private static Facts.V1.CallSettled WriteSettled(CallSettled fact)
    {
        var wire = new Facts.V1.CallSettled { Dispatch = fact.Dispatch };

        switch (fact.End)
        {
            case CallEnd.Succeeded e:
                wire.Outcome = Facts.V1.CallSettled.Types.Outcome.Succeeded;
                wire.Result = Bytes(e.Value);
                wire.HttpStatus = e.HttpStatus;
                wire.SettledBy = e.SettledBy;
                break;
            case CallEnd.Failed e:
                wire.Outcome = Facts.V1.CallSettled.Types.Outcome.Failed;
                wire.Result = Bytes(e.Value);
                wire.HttpStatus = e.HttpStatus;
                wire.Reason = e.Reason;
                wire.Message = e.Message;
                wire.SettledBy = e.SettledBy;
                break;
            case CallEnd.Denied e:
                wire.Outcome = Facts.V1.CallSettled.Types.Outcome.Denied;
                wire.Reason = e.Reason;
                wire.Message = e.Message;
                wire.Rule = e.Rule;
                break;
            case CallEnd.Unknown e:
                wire.Outcome = Facts.V1.CallSettled.Types.Outcome.Unknown;
                wire.Message = e.Message;
                break;
            case CallEnd.NotSent e:
                wire.Outcome = Facts.V1.CallSettled.Types.Outcome.NotSent;
                wire.Reason = e.Reason;
                wire.Message = e.Message;
                break;
        }

        if (fact.Custody is { } custody)
        {
            wire.Custody = new Facts.V1.Custody
            {
                LeaseId = custody.LeaseId,
                IssuedAt = custody.IssuedAt.ToTimestamp(),
                RedeemedAt = custody.RedeemedAt?.ToTimestamp(),
                RunnerInstance = custody.RunnerInstance,
                AuditOrigin = custody.AuditOrigin,
                AuditIndex = custody.AuditIndex,
            };
        }

        return wire;
    }

    private static CallSettled ReadSettled(Facts.V1.CallSettled wire) => new(
        wire.Outcome switch
        {
            Facts.V1.CallSettled.Types.Outcome.Succeeded => new CallEnd.Succeeded(
                wire.Result.Memory, wire.HttpStatus, wire.SettledBy),
            Facts.V1.CallSettled.Types.Outcome.Failed => new CallEnd.Failed(
                wire.Reason, wire.Message, wire.HttpStatus, wire.Result.Memory, wire.SettledBy),
            Facts.V1.CallSettled.Types.Outcome.Denied => new CallEnd.Denied(wire.Reason, wire.Message, wire.Rule),
            Facts.V1.CallSettled.Types.Outcome.Unknown => new CallEnd.Unknown(wire.Message),
            Facts.V1.CallSettled.Types.Outcome.NotSent => new CallEnd.NotSent(wire.Reason, wire.Message),
            _ => throw new InvalidDataException("A call that ended in a way that this version does not know."),
        },
        wire.Dispatch,
        wire.Custody is { } custody
            ? new Custody(
                custody.LeaseId,
                custody.IssuedAt.ToDateTimeOffset(),
                custody.RedeemedAt?.ToDateTimeOffset(),
                custody.RunnerInstance,
                custody.AuditOrigin,
                custody.AuditIndex)
            : null);

    // The memory is never written to again: facts are immutable.
    private static ByteString Bytes(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);
}
