using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Tests.Lifecycle;

/// <summary>The table of a call's legal moves.</summary>
public sealed class CallStateTests
{
    private static readonly Explanation Why = new("sha256:00", ["r"], "r", Degraded: false);
    private static readonly CallRequested Call = new(0, "payments.refund", "sha256:00", "{}"u8.ToArray(), default);
    private static readonly CallDecided Permitted = new(new Decision.Permitted(Why, "d", new byte[] { 1 }, Reserved: false, ApprovalId: ""));
    private static readonly CallDecided Denied = new(new Decision.Denied(Why, "POLICY_DENIED", "no"));
    private static readonly CallDecided Asked = new(new Decision.NeedsApproval(Why, "a-1", "ask"));

    [Fact]
    public void These_are_all_the_moves_there_are()
    {
        var states = new Dictionary<string, CallState>
        {
            ["New"] = new CallState.New(),
            ["Requested"] = new CallState.Requested(Call, 0),
            ["Held"] = new CallState.Held(Call, 0, (Decision.NeedsApproval)Asked.Decision),
            ["Allowed"] = new CallState.Allowed(Call, 0, 0),
            ["Allowed with a suspect"] = new CallState.Allowed(Call, 1, 1),
            ["Refused"] = new CallState.Refused(Call),
            ["Dispatched"] = new CallState.Dispatched(Call, 1, 0),
            ["Dispatched with a suspect"] = new CallState.Dispatched(Call, 2, 1),
            ["Probing"] = new CallState.Probing(Call, 2, 1),
            ["Interrupted"] = new CallState.Interrupted(Call, 2, 1),
            ["Unknown"] = new CallState.Unknown(Call, 2, 1, "?"),
            ["Settled"] = new CallState.Settled(Call, new CallEnd.Unknown("")),
        };
        var facts = new Dictionary<string, Fact> { ["requested"] = Call, ["permitted"] = Permitted, ["held"] = Asked, ["denied"] = Denied };
        CallEnd[] ends =
        [
            new CallEnd.Succeeded(default, 200, ""), new CallEnd.Failed("", "", 500, default, ""), new CallEnd.Denied("", "", ""),
            new CallEnd.Unknown("?"), new CallEnd.NotSent("", ""),
        ];

        foreach (var dispatch in (int[])[1, 2])
        {
            facts[$"perform {dispatch}"] = Perform(dispatch);
            facts[$"probe {dispatch}"] = new CallDispatched(dispatch, DispatchPurpose.Probe);
            facts[$"interrupted {dispatch}"] = new CallInterrupted(dispatch);
            facts[$"not sent {dispatch}"] = new CallNotSent(dispatch, "");

            foreach (var end in ends)
            {
                facts[$"{end.GetType().Name} {dispatch}"] = new CallSettled(end, dispatch, null);
            }
        }

        var legal = from state in states
                    from fact in facts
                    let next = After(state.Value, fact.Value)
                    where next is not null
                    select $"{state.Key}: {fact.Key} > {next.GetType().Name}";

        Assert.Equal(
            [
                "New: requested > Requested",
                "Requested: permitted > Allowed", "Requested: held > Held", "Requested: denied > Refused",
                "Requested: Failed 1 > Settled", "Requested: NotSent 1 > Settled",
                "Requested: Failed 2 > Settled", "Requested: NotSent 2 > Settled",
                "Held: permitted > Allowed", "Held: held > Held", "Held: denied > Refused",
                "Allowed: perform 1 > Dispatched",
                "Allowed with a suspect: perform 2 > Dispatched", "Allowed with a suspect: probe 2 > Probing",
                "Refused: Denied 1 > Settled", "Refused: Denied 2 > Settled",
                "Dispatched: interrupted 1 > Interrupted", "Dispatched: not sent 1 > Requested", "Dispatched: Succeeded 1 > Settled",
                "Dispatched: Failed 1 > Settled", "Dispatched: Unknown 1 > Unknown", "Dispatched: NotSent 1 > Settled",
                "Dispatched with a suspect: interrupted 2 > Interrupted", "Dispatched with a suspect: not sent 2 > Interrupted",
                "Dispatched with a suspect: Succeeded 2 > Settled", "Dispatched with a suspect: Failed 2 > Settled",
                "Dispatched with a suspect: Unknown 2 > Unknown", "Dispatched with a suspect: NotSent 2 > Settled",
                "Probing: not sent 1 > Requested", "Probing: Succeeded 1 > Settled", "Probing: Failed 1 > Settled", "Probing: Unknown 1 > Unknown",
                "Probing: interrupted 2 > Interrupted", "Probing: not sent 2 > Interrupted",
                "Interrupted: permitted > Allowed", "Interrupted: Unknown 1 > Unknown",
                "Unknown: not sent 1 > Requested", "Unknown: Succeeded 1 > Settled", "Unknown: Failed 1 > Settled",
            ],
            legal);
    }

    [Fact]
    public void A_call_that_goes_well_is_requested_permitted_dispatched_and_settled()
    {
        var state = Walk(Call, Permitted, Perform(1), Succeeded(1));

        Assert.IsType<CallEnd.Succeeded>(Assert.IsType<CallState.Settled>(state).End);
    }

    [Fact]
    public void A_refused_call_is_settled_without_a_dispatch()
    {
        var state = Walk(Call, Denied, new CallSettled(new CallEnd.Denied("POLICY_DENIED", "no", "r"), 0, null));

        Assert.IsType<CallEnd.Denied>(Assert.IsType<CallState.Settled>(state).End);
    }

    [Fact]
    public void A_held_call_is_decided_again_before_it_goes_out()
    {
        Assert.IsType<CallState.Held>(Walk(Call, Asked));
        Assert.IsType<CallState.Dispatched>(Walk(Call, Asked, Permitted, Perform(1)));
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Asked, Perform(1)));
    }

    [Fact]
    public void A_dispatch_that_was_certainly_not_sent_may_go_out_again_under_the_next_number_only()
    {
        Assert.IsType<CallState.Dispatched>(Walk(Call, Permitted, Perform(1), new CallNotSent(1, "FENCED"), Permitted, Perform(2)));
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, Perform(1), new CallNotSent(1, "FENCED"), Permitted, Perform(1)));
    }

    [Fact]
    public void A_repeat_that_was_not_sent_leaves_the_first_dispatch_a_suspect()
    {
        Fact[] repeated = [Call, Permitted, Perform(1), new CallInterrupted(1), Permitted, Perform(2)];

        Assert.Equal(1, Assert.IsType<CallState.Interrupted>(Walk([.. repeated, new CallNotSent(2, "VAULT_UNAVAILABLE")])).Suspect);
        Assert.Equal(2, Assert.IsType<CallState.Interrupted>(Walk([.. repeated, new CallInterrupted(2)])).Suspect);
    }

    [Fact]
    public void Nothing_goes_out_twice_without_the_first_dispatch_being_cleared_up()
    {
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, Perform(1), Permitted));
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, Perform(1), Perform(2)));
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, Perform(1), Succeeded(1), Permitted));
    }

    [Fact]
    public void A_settlement_for_another_dispatch_is_refused()
    {
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, Perform(1), Succeeded(2)));
    }

    [Fact]
    public void A_probe_tells_of_the_suspect_and_not_of_itself()
    {
        Fact[] probing = [Call, Permitted, Perform(1), new CallInterrupted(1), Permitted, new CallDispatched(2, DispatchPurpose.Probe)];

        Assert.IsType<CallState.Probing>(Walk(probing));
        Assert.IsType<CallState.Settled>(Walk([.. probing, Succeeded(1)]));
        Assert.IsType<CallState.Requested>(Walk([.. probing, new CallNotSent(1, "PROBED")]));
        Assert.Equal(1, Assert.IsType<CallState.Interrupted>(Walk([.. probing, new CallNotSent(2, "FENCED")])).Suspect);
        Assert.Equal(1, Assert.IsType<CallState.Interrupted>(Walk([.. probing, new CallInterrupted(2)])).Suspect);
    }

    [Fact]
    public void A_first_dispatch_is_never_a_probe()
    {
        Assert.Throws<DamagedJournalException>(() => Walk(Call, Permitted, new CallDispatched(1, DispatchPurpose.Probe)));
    }

    [Fact]
    public void An_unknown_outcome_ends_only_by_what_a_person_says()
    {
        Fact[] unknown = [Call, Permitted, Perform(1), new CallInterrupted(1), new CallSettled(new CallEnd.Unknown("?"), 1, null)];

        Assert.IsType<CallState.Unknown>(Walk(unknown));
        Assert.IsType<CallState.Settled>(Walk([.. unknown, Succeeded(1)]));
        Assert.IsType<CallState.Requested>(Walk([.. unknown, new CallNotSent(1, "person:ann")]));
        Assert.Throws<DamagedJournalException>(() => Walk([.. unknown, Permitted]));
        Assert.Throws<DamagedJournalException>(() => Walk([.. unknown, Perform(2)]));
    }

    private static CallDispatched Perform(int dispatch) => new(dispatch, DispatchPurpose.Perform);

    private static CallSettled Succeeded(int dispatch) => new(new CallEnd.Succeeded("{}"u8.ToArray(), 200, ""), dispatch, null);

    private static CallState? After(CallState state, Fact fact)
    {
        try
        {
            return state.After(fact);
        }
        catch (DamagedJournalException)
        {
            return null;
        }
    }

    private static CallState Walk(params Fact[] facts) => facts.Aggregate((CallState)new CallState.New(), (state, fact) => state.After(fact));
}
