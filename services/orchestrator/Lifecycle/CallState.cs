using Mesh.Orchestrator.Decisions;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>Where a call stands, and every move it can make from there.</summary>
internal abstract record CallState
{
    /// <summary>Nothing is recorded under this step.</summary>
    internal sealed record New : CallState;

    /// <summary>Asked for, and nothing is under way outside.</summary>
    internal sealed record Requested(CallRequested Call, int Dispatches) : CallState;

    /// <summary>Waits for a person to approve it.</summary>
    internal sealed record Held(CallRequested Call, int Dispatches, Decision.NeedsApproval Decision) : CallState;

    /// <summary>Permitted for the next dispatch, which is recorded together with the permission.</summary>
    internal sealed record Allowed(CallRequested Call, int Dispatches, int Suspect) : CallState;

    /// <summary>Refused, which is recorded together with the end of the call.</summary>
    internal sealed record Refused(CallRequested Call) : CallState;

    /// <summary>May have run. Its outcome is not recorded yet. With a suspect it repeats an earlier dispatch that may have run too.</summary>
    internal sealed record Dispatched(CallRequested Call, int Dispatch, int Suspect) : CallState;

    /// <summary>An earlier dispatch, the suspect, may have run; a read that asks the target about it is under way.</summary>
    internal sealed record Probing(CallRequested Call, int Dispatch, int Suspect) : CallState;

    /// <summary>The suspect was redeemed, and nobody recorded how it ended.</summary>
    internal sealed record Interrupted(CallRequested Call, int Dispatches, int Suspect) : CallState;

    /// <summary>Only a person can say how it ended.</summary>
    internal sealed record Unknown(CallRequested Call, int Dispatches, int Suspect, string Message) : CallState;

    /// <summary>Over. The agent gets this end, now and ever after.</summary>
    internal sealed record Settled(CallRequested Call, CallEnd End) : CallState;

    /// <summary>The state after one more fact. A move that is not listed means that the journal is damaged.</summary>
    public CallState After(Fact fact) => (this, fact) switch
    {
        (New, CallRequested call) => new Requested(call, 0),

        (Requested s, CallDecided { Decision: Decision.Permitted }) => new Allowed(s.Call, s.Dispatches, 0),
        (Requested s, CallDecided { Decision: Decision.NeedsApproval d }) => new Held(s.Call, s.Dispatches, d),
        (Requested s, CallDecided { Decision: Decision.Denied }) => new Refused(s.Call),
        (Requested s, CallSettled { End: CallEnd.NotSent or CallEnd.Failed } e) => new Settled(s.Call, e.End),

        (Held s, CallDecided { Decision: Decision.Permitted }) => new Allowed(s.Call, s.Dispatches, 0),
        (Held s, CallDecided { Decision: Decision.NeedsApproval d }) => new Held(s.Call, s.Dispatches, d),
        (Held s, CallDecided { Decision: Decision.Denied }) => new Refused(s.Call),

        (Refused s, CallSettled { End: CallEnd.Denied } e) => new Settled(s.Call, e.End),

        (Allowed s, CallDispatched { Purpose: DispatchPurpose.Perform } d) when d.Dispatch == s.Dispatches + 1 =>
            new Dispatched(s.Call, d.Dispatch, s.Suspect),
        (Allowed { Suspect: > 0 } s, CallDispatched { Purpose: DispatchPurpose.Probe } d) when d.Dispatch == s.Dispatches + 1 =>
            new Probing(s.Call, d.Dispatch, s.Suspect),

        (Dispatched s, CallSettled e) when e.Dispatch == s.Dispatch && e.End is not CallEnd.Denied => Ended(s.Call, s.Dispatch, s.Dispatch, e),

        // That the repeat was not sent says nothing about the dispatch that it was to repeat.
        (Dispatched { Suspect: > 0 } s, CallNotSent n) when n.Dispatch == s.Dispatch => new Interrupted(s.Call, s.Dispatch, s.Suspect),
        (Dispatched s, CallNotSent n) when n.Dispatch == s.Dispatch => new Requested(s.Call, s.Dispatch),
        (Dispatched s, CallInterrupted i) when i.Dispatch == s.Dispatch => new Interrupted(s.Call, s.Dispatch, s.Dispatch),

        // The probe tells of the suspect; or nothing is learned and the suspect stays one.
        (Probing s, CallSettled { End: CallEnd.Succeeded or CallEnd.Failed or CallEnd.Unknown } e) when e.Dispatch == s.Suspect =>
            Ended(s.Call, s.Dispatch, s.Suspect, e),
        (Probing s, CallNotSent n) when n.Dispatch == s.Suspect => new Requested(s.Call, s.Dispatch),
        (Probing s, CallNotSent n) when n.Dispatch == s.Dispatch => new Interrupted(s.Call, s.Dispatch, s.Suspect),
        (Probing s, CallInterrupted i) when i.Dispatch == s.Dispatch => new Interrupted(s.Call, s.Dispatch, s.Suspect),

        (Interrupted s, CallDecided { Decision: Decision.Permitted }) => new Allowed(s.Call, s.Dispatches, s.Suspect),
        (Interrupted s, CallSettled { End: CallEnd.Unknown } e) when e.Dispatch == s.Suspect => Ended(s.Call, s.Dispatches, s.Suspect, e),

        // A person has looked.
        (Unknown s, CallSettled { End: CallEnd.Succeeded or CallEnd.Failed } e) when e.Dispatch == s.Suspect => new Settled(s.Call, e.End),
        (Unknown s, CallNotSent n) when n.Dispatch == s.Suspect => new Requested(s.Call, s.Dispatches),

        _ => throw new DamagedJournalException(this, fact),
    };

    private static CallState Ended(CallRequested call, int dispatches, int suspect, CallSettled settled) =>
        settled.End is CallEnd.Unknown unknown
            ? new Unknown(call, dispatches, suspect, unknown.Message)
            : new Settled(call, settled.End);
}
