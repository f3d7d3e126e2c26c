using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics;
using Mesh.Manifests.Kinds;
using Mesh.Policy.Evaluation;
using Declared = Mesh.Manifests.Policies;

namespace Mesh.Policy.Language;

/// <summary>Makes the rules of a declared set ready to be evaluated. References were checked when the manifest was read.</summary>
internal static class SetCompiler
{
    public static ImmutableArray<PolicyRule> Compile(string set, Declared.PolicySetManifest declared)
    {
        var approvals = declared.Approvals.ToDictionary(
            approval => approval.Id,
            approval => new ApprovalRule
            {
                Id = approval.Id,
                Groups = [.. approval.Roles],
                ExpiresAfter = approval.ExpiresAfter,
                Quorum = approval.Quorum,
                ExcludesInitiator = approval.IsInitiatorExcluded,
            },
            StringComparer.Ordinal);
        var limits = declared.Limits.ToDictionary(
            limit => limit.Id,
            limit => new LimitRule
            {
                Set = set,
                Id = limit.Id,
                Kind = limit.Kind == Declared.LimitKind.Count ? LimitKind.Count : LimitKind.Amount,
                Field = limit.Field ?? "",
                Key = [.. limit.Key],
                Max = limit.Max,
                Window = limit.Window,
                OnExceed = limit.OnExceed == Declared.RuleEffect.RequireApproval ? OnExceed.RequireApproval : OnExceed.Deny,
                Approval = limit.Approval is { } named ? approvals[named] : ApprovalRule.Default,
            },
            StringComparer.Ordinal);

        return [.. declared.Rules.Select(rule => new PolicyRule
        {
            Id = rule.Id,
            Effect = EffectOf(rule.Effect),
            Tools = rule.When.Tools.ToFrozenSet(StringComparer.Ordinal),
            Classes = rule.When.Classes.Select(c => c.Word()).ToFrozenSet(StringComparer.Ordinal),
            Condition = rule.When.Condition is { } condition ? ConditionOf(condition) : new Condition.All([]),
            IsUnattended = rule.IsUnattended,
            Limits = [.. rule.Limits.Select(id => limits[id])],
            Approval = rule.Approval is { } approval ? approvals[approval] : ApprovalRule.Default,
            Reason = rule.Reason ?? "",
        })];
    }

    /// <summary>An attribute's value as rules see it.</summary>
    public static AttributeValue ValueOf(Declared.PolicyValue value) => value switch
    {
        Declared.PolicyValue.Text text => new AttributeValue.Text(text.Value),
        Declared.PolicyValue.Whole whole => new AttributeValue.Whole(whole.Value),
        Declared.PolicyValue.Flag flag => new AttributeValue.Flag(flag.Value),
        Declared.PolicyValue.Texts texts => AttributeValue.LabelsOf(texts.Values),
        _ => new AttributeValue.Opaque(),
    };

    private static RuleEffect EffectOf(Declared.RuleEffect effect) => effect switch
    {
        Declared.RuleEffect.Permit => RuleEffect.Permit,
        Declared.RuleEffect.RequireApproval => RuleEffect.RequireApproval,
        Declared.RuleEffect.Forbid => RuleEffect.Forbid,
        _ => throw new UnreachableException($"The effect {effect} is not known."),
    };

    private static Condition ConditionOf(Declared.Condition condition) => condition switch
    {
        Declared.Condition.All all => new Condition.All([.. all.Conditions.Select(ConditionOf)]),
        Declared.Condition.Any any => new Condition.Any([.. any.Conditions.Select(ConditionOf)]),
        Declared.Condition.Not not => new Condition.Not(ConditionOf(not.Negated)),
        Declared.Condition.Comparison comparison => ComparisonOf(comparison.Attribute, comparison.Operator, comparison.Operand),
        _ => throw new UnreachableException($"The condition {condition.GetType().Name} is not known."),
    };

    private static Condition ComparisonOf(string attribute, Declared.Operator compared, Declared.PolicyValue operand) => (compared, operand) switch
    {
        (Declared.Operator.Eq, _) => new Condition.EqualTo(attribute, ValueOf(operand)),
        (Declared.Operator.Ne, _) => new Condition.Not(new Condition.EqualTo(attribute, ValueOf(operand))),
        (Declared.Operator.Lt, Declared.PolicyValue.Whole n) => new Condition.Compared(attribute, Comparison.Less, n.Value),
        (Declared.Operator.Lte, Declared.PolicyValue.Whole n) => new Condition.Compared(attribute, Comparison.LessOrEqual, n.Value),
        (Declared.Operator.Gt, Declared.PolicyValue.Whole n) => new Condition.Compared(attribute, Comparison.Greater, n.Value),
        (Declared.Operator.Gte, Declared.PolicyValue.Whole n) => new Condition.Compared(attribute, Comparison.GreaterOrEqual, n.Value),
        (Declared.Operator.In, Declared.PolicyValue.Texts t) => new Condition.OneOfTexts(attribute, Set(t.Values)),
        (Declared.Operator.In, Declared.PolicyValue.Wholes n) => new Condition.OneOfWholes(attribute, n.Values.ToFrozenSet()),
        (Declared.Operator.NotIn, _) => new Condition.Not(ComparisonOf(attribute, Declared.Operator.In, operand)),
        (Declared.Operator.Prefix, Declared.PolicyValue.Text t) => new Condition.StartsWith(attribute, t.Value),
        (Declared.Operator.HostUnder, Declared.PolicyValue.Text t) => new Condition.HostUnder(attribute, t.Value),
        (Declared.Operator.Intersects, Declared.PolicyValue.Texts t) => new Condition.Intersects(attribute, Set(t.Values)),
        (Declared.Operator.SubsetOf, Declared.PolicyValue.Texts t) => new Condition.SubsetOf(attribute, Set(t.Values)),
        (Declared.Operator.Exists, Declared.PolicyValue.Flag f) => new Condition.Exists(attribute, f.Value),

        // A form that this build does not know must not be taken for one that matches or does not.
        _ => new Condition.Unknown(),
    };

    private static FrozenSet<string> Set(IReadOnlyList<string> values) => values.ToFrozenSet(StringComparer.Ordinal);
}
