using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Intake;

/// <summary>A fact's fields as people and programs read them, payloads as JSON.</summary>
internal static class EventFields
{
    public static Struct Of(Fact fact)
    {
        var fields = new Struct();

        foreach (var (name, value) in Pairs(fact))
        {
            fields.Fields[name] = value;
        }

        return fields;
    }

    private static IEnumerable<(string, Value)> Pairs(Fact fact) => fact switch
    {
        TaskSubmitted f =>
        [
            ("workflow", Text(f.Workflow)),
            ("workflowVersion", Text(f.WorkflowVersion)),
            ("initiator", Text(f.Initiator)),
            ("requestId", Text(f.RequestId)),
            ("input", Json(f.Input)),
        ],
        TaskClaimed f => [("instance", Text(f.Instance)), ("attempt", Value.ForNumber(f.Attempt))],
        TaskClaimEnded f => [("cause", Text(f.Cause.ToString()))],
        TaskParked f => [("waitsOn", Text(f.On.Name)), ("message", Text(f.Message))],
        TaskResumed f => [("because", Text(f.Because))],
        TaskFinished f =>
        [
            ("outcome", Text(f.Outcome.ToString())),
            ("reason", Text(f.Reason)),
            ("message", Text(f.Message)),
            ("actor", Text(f.Actor)),
            ("result", Json(f.Result)),
        ],
        StepRecorded f => [("position", Value.ForNumber(f.Position)), ("value", Json(f.Value))],
        CallRequested f =>
        [
            ("position", Value.ForNumber(f.Position)),
            ("tool", Text(f.Tool)),
            ("toolDigest", Text(f.ToolDigest)),
            ("actionDigest", Text(f.Digest.ToString())),
            ("arguments", Json(f.Arguments)),
        ],
        CallDecided f => Decided(f.Decision),
        CallDispatched f => [("dispatch", Value.ForNumber(f.Dispatch)), ("purpose", Text(f.Purpose.ToString()))],
        CallInterrupted f => [("dispatch", Value.ForNumber(f.Dispatch))],
        CallNotSent f => [("dispatch", Value.ForNumber(f.Dispatch)), ("reason", Text(f.Reason))],
        CallSettled f => Settled(f),
        _ => [],
    };

    private static IEnumerable<(string, Value)> Decided(Decision decision) =>
    [
        ("effect", Text(decision.GetType().Name)),
        ("policySet", Text(decision.Why.PolicySetDigest)),
        ("rules", Value.ForList([.. decision.Why.Rules.Select(Text)])),
        ("decidedBy", Text(decision.Why.DecidedBy)),
        .. decision switch
        {
            Decision.Permitted d => [("decisionId", Text(d.DecisionId)), ("approval", Text(d.ApprovalId))],
            Decision.Denied d => [("reason", Text(d.Reason)), ("message", Text(d.Message))],
            Decision.NeedsApproval d => [("approval", Text(d.ApprovalId)), ("message", Text(d.Message))],
            _ => Array.Empty<(string, Value)>(),
        },
    ];

    private static IEnumerable<(string, Value)> Settled(CallSettled fact) =>
    [
        ("outcome", Text(fact.End.GetType().Name)),
        ("dispatch", Value.ForNumber(fact.Dispatch)),
        .. fact.End switch
        {
            CallEnd.Succeeded e => [("httpStatus", Value.ForNumber(e.HttpStatus)), ("result", Json(e.Value)), ("settledBy", Text(e.SettledBy))],
            CallEnd.Failed e =>
            [
                ("reason", Text(e.Reason)),
                ("message", Text(e.Message)),
                ("httpStatus", Value.ForNumber(e.HttpStatus)),
                ("result", Json(e.Value)),
                ("settledBy", Text(e.SettledBy)),
            ],
            CallEnd.Denied e => [("reason", Text(e.Reason)), ("message", Text(e.Message)), ("rule", Text(e.Rule))],
            CallEnd.NotSent e => [("reason", Text(e.Reason)), ("message", Text(e.Message))],
            CallEnd.Unknown e => [("message", Text(e.Message))],
            _ => Array.Empty<(string, Value)>(),
        },
        .. fact.Custody is { } custody
            ? new[]
            {
                ("lease", Text(custody.LeaseId)),
                ("runner", Text(custody.RunnerInstance)),
                ("auditOrigin", Text(custody.AuditOrigin)),
                ("auditIndex", Value.ForNumber(custody.AuditIndex)),
            }
            : [],
    ];

    private static Value Text(string text) => Value.ForString(text);

    private static Value Json(ReadOnlyMemory<byte> json) => JsonValues.Read(json);
}
