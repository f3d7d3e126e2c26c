namespace Mesh.Policy.Tests;

/// <summary>Policies that several tests start from.</summary>
internal static class Policies
{
    /// <summary>The sample of the manifests page, without its limits on days.</summary>
    public const string Refunds = """
        rules:
          - {id: reads, effect: permit, when: {tool: [crm.get_order], class: [read]}}
          - {id: small-refunds, effect: permit, unattended: true, limits: [refunds-a-day, refunds-an-hour], when: {tool: [payments.refund], all: [{amount_minor: {lte: 5000}}]}}
          - {id: large-refunds, effect: require_approval, approval: finance, when: {tool: [payments.refund], all: [{amount_minor: {gt: 5000}}]}}
          - {id: never-above, effect: forbid, when: {tool: [payments.refund], all: [{amount_minor: {gt: 500000}}]}, reason: "Above 5,000 EUR refunds are made by hand"}
        limits:
          - {id: refunds-a-day, kind: amount, field: amount_minor, key: [tenant, currency], max: 200000, window: 24h, onExceed: require_approval, approval: finance}
          - {id: refunds-an-hour, kind: count, key: [tenant], max: 200, window: 1h, onExceed: require_approval, approval: finance}
        approvals:
          - {id: finance, queue: finance, roles: [finance], quorum: 1, expiresAfter: 4h, separationOfDuties: [initiator]}
        tests:
          - {name: a small refund passes, request: {tool: payments.refund, attributes: {order: o-1, amount_minor: 1200, currency: EUR}}, expect: {decision: permit, rules: [small-refunds]}}
        """;

    /// <summary>Refunds without a person, up to a limit.</summary>
    public static string Limited(int countMax, int amountMax, string onExceed = "deny")
    {
        var approval = onExceed == "deny" ? "" : ", approval: finance";
        var limited = $$$"""
            rules:
              - {id: refunds, effect: permit, unattended: true, limits: [how-many, how-much], when: {tool: [payments.refund]}}
            limits:
              - {id: how-much, kind: amount, field: amount_minor, key: [tenant, currency], max: {{{amountMax}}}, window: 24h, onExceed: {{{onExceed}}}{{{approval}}} }
              - {id: how-many, kind: count, key: [tenant], max: {{{countMax}}}, window: 1h, onExceed: deny}
            """;

        return onExceed == "deny" ? limited : limited + """

            approvals:
              - {id: finance, queue: finance, roles: [finance], quorum: 1, expiresAfter: 4h, separationOfDuties: [initiator]}
            """;
    }
}
