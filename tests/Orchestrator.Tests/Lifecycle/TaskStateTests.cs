using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Tests.Lifecycle;

/// <summary>The table of a task's legal moves.</summary>
public sealed class TaskStateTests
{
    private const string Live = "Ready > Ready, Running > Running, WaitingApproval > WaitingApproval, UnknownOutcome > UnknownOutcome, "
        + "NeedsAttention > NeedsAttention, BackingOff > BackingOff";
    private const string Any = Live + ", Completed > Completed, Failed > Failed, Cancelled > Cancelled, Denied > Denied";

    private static readonly Explanation Why = new("sha256:00", [], "r", Degraded: false);

    private static readonly Dictionary<string, Fact> Facts = new()
    {
        ["submitted"] = new TaskSubmitted("w", "sha256:00", default, "person:ann", "", "sha256:00", []),
        ["claimed"] = new TaskClaimed("agent-1", 1),
        ["claim ended"] = new TaskClaimEnded(ClaimEnd.Released),
        ["waits for an approval"] = new TaskParked(new Wait.Approval("a"), ""),
        ["waits for a settlement"] = new TaskParked(new Wait.Settlement("s#0"), ""),
        ["waits for attention"] = new TaskParked(new Wait.Attention("HANDLER_CHANGED"), ""),
        ["waits for a time"] = new TaskParked(new Wait.Until(default), ""),
        ["resumed"] = new TaskResumed(""),
        ["completed"] = new TaskFinished(TaskOutcome.Completed, default, "", "", ""),
        ["failed"] = new TaskFinished(TaskOutcome.Failed, default, "", "", ""),
        ["cancelled"] = new TaskFinished(TaskOutcome.Cancelled, default, "", "", ""),
        ["denied"] = new TaskFinished(TaskOutcome.Denied, default, "", "", ""),
        ["step recorded"] = new StepRecorded(0, default),
        ["call requested"] = new CallRequested(0, "t", "sha256:00", default, default),
        ["call decided"] = new CallDecided(new Decision.Denied(Why, "POLICY_DENIED", "")),
        ["call dispatched"] = new CallDispatched(1, DispatchPurpose.Perform),
        ["call interrupted"] = new CallInterrupted(1),
        ["call not sent"] = new CallNotSent(1, ""),
        ["call settled"] = new CallSettled(new CallEnd.Unknown(""), 1, null),
    };

    [Fact]
    public void These_are_all_the_moves_there_are()
    {
        var legal = Facts.Select(fact => $"{fact.Key}: {string.Join(", ", Moves(fact.Value))}");

        Assert.Equal(
            [
                "submitted: Ready > Ready",
                "claimed: Ready > Running",
                "claim ended: Running > Ready",
                "waits for an approval: Running > WaitingApproval",
                "waits for a settlement: Running > UnknownOutcome",
                "waits for attention: Ready > NeedsAttention, Running > NeedsAttention",
                "waits for a time: Running > BackingOff",
                "resumed: WaitingApproval > Ready, UnknownOutcome > Ready, NeedsAttention > Ready, BackingOff > Ready",
                "completed: Running > Completed",
                "failed: Running > Failed",
                "cancelled: Ready > Cancelled, Running > Cancelled, WaitingApproval > Cancelled, UnknownOutcome > Cancelled, "
                    + "NeedsAttention > Cancelled, BackingOff > Cancelled",
                "denied: Running > Denied",
                "step recorded: " + Live,
                "call requested: " + Live,
                "call decided: " + Live,
                "call dispatched: " + Live,
                "call interrupted: " + Any,
                "call not sent: " + Any,
                "call settled: " + Any,
            ],
            legal);
    }

    private static IEnumerable<string> Moves(Fact fact)
    {
        foreach (var state in Enum.GetValues<TaskState>())
        {
            TaskState next;

            try
            {
                next = state.After(fact);
            }
            catch (DamagedJournalException)
            {
                continue;
            }

            yield return $"{state} > {next}";
        }
    }
}
