using Mesh.Manifests.Attributes;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Policies;

namespace Mesh.Manifests.Reading;

/// <summary>Checks a policy set against the tools that its rules name.</summary>
internal sealed class PolicyCheck(
    PolicySetManifest policies,
    Func<string, ToolManifest?> toolOf,
    Action<string, string> refuse,
    Action<string, string> remark)
{
    // The runtime's own attributes and their types; the rest comes from the tools' schemas.
    private static readonly Dictionary<string, AttributeType> RuntimeTypes = new(StringComparer.Ordinal)
    {
        ["classes"] = AttributeType.Texts,
        ["task_done"] = AttributeType.Texts,
        ["taint"] = AttributeType.Texts,
        ["initiator"] = AttributeType.Text,
        ["environment"] = AttributeType.Text,
        ["tenant"] = AttributeType.Text,
        ["workflow"] = AttributeType.Text,
        ["integration"] = AttributeType.Text,
        ["tool"] = AttributeType.Text,
    };

    public void Run()
    {
        foreach (var (index, rule) in policies.Rules.Index())
        {
            CheckRule(rule, $"spec/rules/{index}");
        }

        RemarkOnUnused();
    }

    private void CheckRule(PolicyRule rule, string at)
    {
        foreach (var (index, name) in rule.When.Tools.Index())
        {
            if (toolOf(name) is { } tool)
            {
                CheckAttributes(rule, at, name, tool);
            }
            else if (!Names.IsBuiltIn(name))
            {
                remark($"{at}/when/tool/{index}", $"the tool {name} is not declared; the rule waits for it");
            }
        }

        if (rule.IsUnattended)
        {
            CheckUnattended(rule, at);
        }

        if (!policies.Tests.Any(t => t.Expect.Rules.Contains(rule.Id)))
        {
            remark(at, $"no test expects the rule {rule.Id}");
        }
    }

    private void CheckUnattended(PolicyRule rule, string at)
    {
        var kinds = policies.Limits.Where(l => rule.Limits.Contains(l.Id)).Select(l => l.Kind).ToHashSet();

        if (!kinds.Contains(LimitKind.Count))
        {
            refuse($"{at}/limits", $"the unattended rule {rule.Id} needs a count limit");
        }

        // A rule for no tool in particular reaches the dearest one.
        var isFinancial = rule.When.Classes.Contains(ToolClass.Financial)
            || rule.When.Tools.Any(t => toolOf(t)?.Classes.Contains(ToolClass.Financial) == true)
            || (rule.When.Tools.Count == 0 && rule.When.Classes.Count == 0);

        if (isFinancial && !kinds.Contains(LimitKind.Amount))
        {
            refuse($"{at}/limits", $"the unattended rule {rule.Id} reaches financial tools and needs an amount limit");
        }
    }

    private void CheckAttributes(PolicyRule rule, string at, string name, ToolManifest tool)
    {
        foreach (var comparison in Comparisons(rule.When.Condition))
        {
            if (TypeOf(tool, comparison.Attribute) is not { } type)
            {
                refuse($"{at}/when", $"{comparison.Attribute} is not an attribute of {name}");
            }
            else if (!Fits(type, comparison))
            {
                refuse($"{at}/when", $"{comparison.Attribute} of {name} is {Described(type)} and cannot be compared so");
            }
        }

        foreach (var limit in policies.Limits.Where(l => rule.Limits.Contains(l.Id)))
        {
            if (limit.Field is { } field && TypeOf(tool, field) != AttributeType.Whole)
            {
                refuse($"{at}/limits", $"the limit {limit.Id} sums {field}, which is not an integer attribute of {name}");
            }

            foreach (var key in limit.Key.Where(k => TypeOf(tool, k) is null or AttributeType.Texts))
            {
                refuse($"{at}/limits", $"the limit {limit.Id} has the key {key}, which is not a single-valued attribute of {name}");
            }
        }
    }

    private void RemarkOnUnused()
    {
        foreach (var (index, limit) in policies.Limits.Index().Where(l => !policies.Rules.Any(r => r.Limits.Contains(l.Item.Id))))
        {
            remark($"spec/limits/{index}", $"no rule uses the limit {limit.Id}");
        }

        foreach (var (index, approval) in policies.Approvals.Index()
            .Where(a => !policies.Rules.Any(r => r.Approval == a.Item.Id) && !policies.Limits.Any(l => l.Approval == a.Item.Id)))
        {
            remark($"spec/approvals/{index}", $"nothing asks for the approval {approval.Id}");
        }
    }

    private static AttributeType? TypeOf(ToolManifest tool, string attribute) =>
        tool.Attributes.Declarations.TryGetValue(attribute, out var declared) ? declared.Type
        : RuntimeTypes.TryGetValue(attribute, out var type) ? type
        : null;

    private static bool Fits(AttributeType type, Condition.Comparison comparison) => (type, comparison.Operator) switch
    {
        (_, Operator.Exists) => true,
        (AttributeType.Text or AttributeType.Choice, Operator.Eq or Operator.Ne) => comparison.Operand is PolicyValue.Text,
        (AttributeType.Text or AttributeType.Choice, Operator.In or Operator.NotIn) => comparison.Operand is PolicyValue.Texts,
        (AttributeType.Text or AttributeType.Choice, Operator.Prefix or Operator.HostUnder) => true,
        (AttributeType.Whole, Operator.Eq or Operator.Ne) => comparison.Operand is PolicyValue.Whole,
        (AttributeType.Whole, Operator.In or Operator.NotIn) => comparison.Operand is PolicyValue.Wholes,
        (AttributeType.Whole, Operator.Lt or Operator.Lte or Operator.Gt or Operator.Gte) => true,
        (AttributeType.Flag, Operator.Eq or Operator.Ne) => comparison.Operand is PolicyValue.Flag,
        (AttributeType.Texts, Operator.Intersects or Operator.SubsetOf) => true,
        _ => false,
    };

    private static string Described(AttributeType type) => type switch
    {
        AttributeType.Text => "a string",
        AttributeType.Choice => "one of a list of strings",
        AttributeType.Whole => "an integer",
        AttributeType.Flag => "a boolean",
        _ => "a set of strings",
    };

    private static IEnumerable<Condition.Comparison> Comparisons(Condition? condition) => condition switch
    {
        Condition.All all => all.Conditions.SelectMany(Comparisons),
        Condition.Any any => any.Conditions.SelectMany(Comparisons),
        Condition.Not not => Comparisons(not.Negated),
        Condition.Comparison comparison => [comparison],
        _ => [],
    };
}
