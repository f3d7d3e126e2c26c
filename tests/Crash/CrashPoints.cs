namespace Crash.Tests;

/// <summary>All crash points: those of a task in the order in which it passes them, then those of what is told about it, and of what it is told.</summary>
internal static class CrashPoints
{
    private const string Journal = "orchestrator.journal";
    private const string RefundStep = "payments.refund#0";

    public static IReadOnlyList<CrashPoint> All { get; } =
    [
        .. Both(
            1, "submit", "orchestrator", Journal, "insert", "new.kind = 'TaskSubmitted'",
            "the webhook is unanswered, there is no task", "the task is there, the webhook is unanswered"),

        // With an agent that waits, a task is claimed as it is submitted: this claim has a commit of its own.
        .. Both(
            3, "claim", "orchestrator", Journal, "insert",
            """
            new.kind = 'TaskClaimed' and pg_current_xact_id()::xid <>
                (select j.xmin from orchestrator.journal j where j.tenant_id = new.tenant_id and j.task_id = new.task_id and j.seq = 1)
            """,
            "an agent waits, the task is nobody's", "the task is the agent's, which was not told",
            withoutAgent: true),
        .. Both(
            5, "step", "orchestrator", Journal, "insert", "new.kind = 'StepRecorded'",
            "the agent has done its step, nothing is recorded", "the step is recorded, the agent was not told"),
        .. Both(
            7, "decide", "policy", "policy.reservation", "insert", "true",
            "the refund may pass, no limit is charged for it", "the limits are charged, nobody has the decision"),
        .. Both(
            9, "dispatch", "orchestrator", Journal, "insert", $"new.kind = 'CallDispatched' and new.step = '{RefundStep}'",
            "the refund is decided, the journal does not have it", "the journal says that the refund may be out, which it is not"),
        .. Both(
            11, "intent", "audit", "audit.leaf", "insert", "new.kind = 'intent' and convert_from(new.leaf, 'UTF8') like '%\"payments.refund\"%'",
            "the log does not have the intent", "the log has the intent, nobody has the receipt"),
        .. Both(
            13, "redeem", "vault", "vault.lease", "update",
            $"""
            old.state = 0 and new.state = 1 and exists (select from orchestrator.journal j
                where j.tenant_id = new.tenant_id and j.task_id = new.task_id and j.kind = 'CallDispatched' and j.step = '{RefundStep}')
            """,
            "the lease is good, the runner waits for the credential", "the lease is used up, nobody got the credential"),
        new AtCommit(15, "send", "before", "toolrunner", "the lease is used up, nothing was sent")
        {
            Writer = "vault",
            Table = "vault.lease",
            Changes = "update",
            When = $"""
                old.state = 0 and new.state = 1 and exists (select from orchestrator.journal j
                    where j.tenant_id = new.tenant_id and j.task_id = new.task_id and j.kind = 'CallDispatched' and j.step = '{RefundStep}')
                """,
            IsDurable = true,
            NeedsPerson = true,
        },
        new AtAnswer(16, "send", "after", "toolrunner", "the shop has refunded and answered, nobody has read it") { NeedsPerson = true },
        .. Both(
            17, "settle", "orchestrator", Journal, "insert", $"new.kind = 'CallSettled' and new.step = '{RefundStep}'",
            "the runner has answered, the journal does not have the outcome", "the outcome is recorded, the agent was not told"),
        .. Both(
            19, "finish", "orchestrator", Journal, "insert", "new.kind = 'TaskFinished'",
            "the agent is done, the task is not", "the task is done, the agent was not told"),

        .. Relay(
            21, "relay", "orchestrator", row => "true",
            "facts are claimed by the relay, the bus does not have them", "the bus has the facts, the outbox still has them too"),
        .. Both(
            23, "consume", "audit", "audit.leaf", "insert", "new.task_seq is not null",
            "the bus has handed facts over, the log does not have them", "the log has the facts, the bus was not told"),
        .. Both(
            25, "wake", "orchestrator", Journal, "insert", "new.kind = 'TaskResumed'",
            "a person has approved and the bus says so, the task waits", "the task goes on, the bus was not told")
            .Select(point => point with { IsAtApproval = true }),
        .. Relay(
            27, "relay custody", "vault",
            row => $"""
                exists (select from vault.lease l join orchestrator.journal j on j.tenant_id = l.tenant_id and j.task_id = l.task_id
                    where 'lease/' || l.lease_id = {row}.key and j.kind = 'CallRequested' and j.step = '{RefundStep}' and position(l.action_digest in j.body) > 0)
                """,
            "the refund's redemption is claimed by the relay, the bus does not have it", "the bus has the refund's redemption, the outbox still has it too"),

        // Once the bus has it, the task may have used the approval before the outbox is rid of it.
        .. Relay(
            29, "relay approval", "policy", row => $"exists (select from policy.approval a where a.id::text = {row}.key and a.state in ('approved', 'consumed'))",
            "a person has approved and the relay has claimed it, the bus does not have it", "the bus has the approval, the outbox still has it too")
            .Select(point => point with { IsAtApproval = true }),
        .. Both(
            31, "consume outcome", "policy", "policy.reservation", "update", "old.state = 'reserved' and new.state = 'kept'",
            "the bus has told how the refund ended, its limits are still on hold", "the limits are charged for good, the bus was not told"),

        // By gRPC, too, a delivery becomes a task: this is the one that writes down which message it was.
        .. Both(
            33, "consume webhook", "orchestrator", Journal, "insert",
            """
            new.kind = 'TaskSubmitted' and exists (select from orchestrator.inbox i where i.consumer = 'webhooks' and i.xmin = pg_current_xact_id()::xid)
            """,
            "the broker has handed over an accepted delivery, there is no task", "the task is there, the broker was not told")
            .Select(point => point with { IsQueued = true }),
    ];

    // The bus has no transaction with the store: a relay claims rows, hands them over, and deletes them. It dies with its claim, or when the bus has all.
    private static IEnumerable<AtCommit> Relay(int number, string effect, string service, Func<string, string> which, string before, string after) =>
    [
        new AtCommit(number, effect, "before", service, before)
        {
            Writer = service,
            Table = $"{service}.outbox",
            Changes = "update",
            When = $"old.state = 0 and new.state = 1 and {which("new")}",
            IsDurable = true,
        },
        new AtCommit(number + 1, effect, "after", service, after)
        {
            Writer = service,
            Table = $"{service}.outbox",
            Changes = "delete",
            When = which("old"),
            IsDurable = false,
        },
    ];

    // The service that writes dies: before its commit is durable, or after it without having heard of it.
    private static IEnumerable<AtCommit> Both(
        int number, string effect, string writer, string table, string changes, string when, string before, string after, bool withoutAgent = false) =>
    [
        new AtCommit(number, effect, "before", writer, before)
        {
            Writer = writer, Table = table, Changes = changes, When = when, IsDurable = false, WithoutAgent = withoutAgent,
        },
        new AtCommit(number + 1, effect, "after", writer, after)
        {
            Writer = writer, Table = table, Changes = changes, When = when, IsDurable = true, WithoutAgent = withoutAgent,
        },
    ];
}
