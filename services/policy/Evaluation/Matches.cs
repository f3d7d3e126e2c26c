using Mesh.Integrity;

namespace Mesh.Policy.Evaluation;

/// <summary>The rules that a call matched, while it is being evaluated.</summary>
internal sealed class Matches
{
    private readonly List<PolicyRule> rules = [];
    private readonly List<LimitRule> limits = [];
    private bool isDegraded;

    /// <summary>The first rule that forbids.</summary>
    public PolicyRule? Forbids { get; private set; }

    /// <summary>What all the rules that ask for approval want together.</summary>
    public ApprovalRule? Approval { get; private set; }

    public string ApprovalRuleId { get; private set; } = "";

    public List<PolicyRule> Permits { get; } = [];

    public void Add(PolicyRule rule, Truth truth)
    {
        isDegraded |= truth == Truth.Error;

        // What cannot be evaluated counts against the call: it forbids and asks, and never permits.
        if (truth == Truth.No || (truth == Truth.Error && rule.Effect == RuleEffect.Permit))
        {
            return;
        }

        rules.Add(rule);
        limits.AddRange(rule.Limits.Where(l => !limits.Exists(known => known.Id == l.Id && known.Set == l.Set)));

        switch (rule.Effect)
        {
            case RuleEffect.Forbid:
                Forbids ??= rule;
                break;
            case RuleEffect.RequireApproval:
                Approval = Approval?.And(rule.Approval) ?? rule.Approval;
                ApprovalRuleId = ApprovalRuleId.Length == 0 ? rule.Id : ApprovalRuleId;
                break;
            default:
                Permits.Add(rule);
                break;
        }
    }

    /// <summary>Sorted, so that every replica locks the counters in the same order.</summary>
    public IEnumerable<LimitRule> LimitsToReserve() => limits.OrderBy(l => l.Set, StringComparer.Ordinal).ThenBy(l => l.Id, StringComparer.Ordinal);

    public Grounds Grounds(ContentDigest policy, string decidedBy, bool isUncountable = false)
    {
        var winning = Forbids is not null ? RuleEffect.Forbid : Approval is not null ? RuleEffect.RequireApproval : RuleEffect.Permit;
        return new Grounds(policy, [.. rules.Select(r => r.Id)], [.. rules.Where(r => r.Effect == winning).Select(r => r.Id)], decidedBy, isDegraded || isUncountable);
    }
}
