using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Mesh.Integrity;

namespace Mesh.Policy.Evaluation;

/// <summary>The united sets of one tenant, compiled once and immutable.</summary>
/// <remarks>
/// The order of sets and rules has no meaning: forbid beats approval, approval beats permit, and what no rule permits is
/// denied. So uniting sets can only tighten what is forbidden or asked.
/// </remarks>
internal sealed class PolicySnapshot
{
    /// <summary>Calls that a person must look at, whatever the permits say.</summary>
    private static readonly FrozenSet<string> FloorClasses = FrozenSet.Create(StringComparer.Ordinal, "financial", "destructive", "customer_facing");

    private readonly ImmutableArray<PolicyRule> rules;

    // Rules of the calls seen so far, so that a tenant with many tools does not walk the rules of all of them.
    private readonly FrozenDictionary<string, ImmutableArray<PolicyRule>> byTool;
    private readonly ImmutableArray<PolicyRule> anyTool;

    public PolicySnapshot(ContentDigest digest, IEnumerable<PolicyRule> rules)
    {
        Digest = digest;
        this.rules = [.. rules.OrderBy(r => r.Id, StringComparer.Ordinal)];
        anyTool = [.. this.rules.Where(r => r.Tools.Count == 0)];
        byTool = this.rules
            .SelectMany(r => r.Tools)
            .Distinct(StringComparer.Ordinal)
            .ToFrozenDictionary(
                tool => tool,
                tool => this.rules.Where(r => r.Tools.Count == 0 || r.Tools.Contains(tool)).ToImmutableArray(),
                StringComparer.Ordinal);
    }

    /// <summary>The content address of everything that is in force.</summary>
    public ContentDigest Digest { get; }

    public ImmutableArray<PolicyRule> Rules => rules;

    public Verdict Evaluate(CallAttributes call)
    {
        var matches = Match(call);

        if (matches.Forbids is { } forbid)
        {
            var message = forbid.Reason.Length > 0 ? forbid.Reason : $"The rule {forbid.Id} forbids it.";
            return new Verdict.Denied(matches.Grounds(Digest, forbid.Id), message);
        }

        if (!TryReadLimits(matches.LimitsToReserve(), call, out var uses, out var unreadable))
        {
            return new Verdict.Denied(
                matches.Grounds(Digest, unreadable.Limit, isUncountable: true),
                $"The limit {unreadable.Limit} cannot be counted: {unreadable.Why}.");
        }

        if (matches.Approval is { } approval)
        {
            return Ask(matches.Grounds(Digest, matches.ApprovalRuleId), approval, uses);
        }

        if (matches.Permits.Count == 0)
        {
            return new Verdict.Denied(matches.Grounds(Digest, "default"), "No rule permits it.");
        }

        return FloorClasses.Overlaps(call.Context.Classes) && !matches.Permits.Exists(p => p.LiftsFloor(call.Context.Classes))
            ? Ask(matches.Grounds(Digest, "floor"), ApprovalRule.Default, uses)
            : new Verdict.Permitted(matches.Grounds(Digest, matches.Permits[0].Id), uses);
    }

    /// <summary>An approval that nobody could give is a denial.</summary>
    private static Verdict Ask(Grounds grounds, ApprovalRule approval, ImmutableArray<LimitUse> uses) => approval.Groups.IsEmpty
        ? new Verdict.Denied(grounds, $"The approvals {approval.Id} have no group in common, so nobody could give them.")
        : new Verdict.NeedsApproval(grounds, approval, uses);

    private Matches Match(CallAttributes call)
    {
        var matches = new Matches();

        foreach (var rule in byTool.GetValueOrDefault(call.Context.Tool, anyTool))
        {
            matches.Add(rule, rule.Matches(call));
        }

        return matches;
    }

    private static bool TryReadLimits(
        IEnumerable<LimitRule> limits, CallAttributes call, out ImmutableArray<LimitUse> uses, out (string Limit, string Why) unreadable)
    {
        var read = ImmutableArray.CreateBuilder<LimitUse>();
        unreadable = default;
        uses = [];

        foreach (var limit in limits)
        {
            var key = limit.Key.Select(name => KeyPart(call.Find(name))).ToImmutableArray();
            var amount = limit.Kind == LimitKind.Count ? 1 : Amount(call.Find(limit.Field));

            if (amount is null || key.Contains(null))
            {
                unreadable = (limit.Id, amount is null ? $"{limit.Field} is not a whole number from 0" : "an attribute of its key is missing");
                return false;
            }

            read.Add(new LimitUse(limit, key!, amount.Value));
        }

        uses = read.ToImmutable();
        return true;
    }

    private static long? Amount(AttributeValue? value) => value is AttributeValue.Whole { Value: >= 0 } amount ? amount.Value : null;

    // The type is part of the text: the number 1 and the string "1" are two keys.
    private static string? KeyPart(AttributeValue? value) => value switch
    {
        AttributeValue.Text text => $"s:{text.Value}",
        AttributeValue.Whole whole => string.Create(CultureInfo.InvariantCulture, $"n:{whole.Value}"),
        AttributeValue.Flag flag => flag.Value ? "b:true" : "b:false",
        _ => null,
    };
}
