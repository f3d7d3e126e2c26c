using Mesh.Manifests.Policies;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the conditions of a rule.</summary>
internal sealed class ConditionReader(Findings findings)
{
    public const int DepthMax = 8;
    public const int ItemsMax = 100;

    private static readonly Dictionary<string, Operator> Operators = new(StringComparer.Ordinal)
    {
        ["eq"] = Operator.Eq,
        ["ne"] = Operator.Ne,
        ["lt"] = Operator.Lt,
        ["lte"] = Operator.Lte,
        ["gt"] = Operator.Gt,
        ["gte"] = Operator.Gte,
        ["in"] = Operator.In,
        ["notIn"] = Operator.NotIn,
        ["prefix"] = Operator.Prefix,
        ["exists"] = Operator.Exists,
        ["intersects"] = Operator.Intersects,
        ["subsetOf"] = Operator.SubsetOf,
        ["hostUnder"] = Operator.HostUnder,
    };

    /// <summary>Reads one condition: <c>all</c>, <c>any</c> or <c>not</c>, or attributes with their comparisons.</summary>
    public Condition? Read(Node node, FieldPath path, int depth = 1)
    {
        if (depth > DepthMax)
        {
            findings.Add(node, path, $"conditions are nested deeper than {DepthMax} levels");
            return null;
        }

        if (node is not MapNode map || map.Entries.Count == 0)
        {
            findings.Add(node, path, "must be a map of all, any, not, or attributes with their comparisons");
            return null;
        }

        var conditions = new List<Condition>();

        foreach (var entry in map.Entries)
        {
            var at = path.At(entry.Name);

            var condition = entry.Name switch
            {
                "all" => ReadMany(entry.Value, at, depth) is { } all ? new Condition.All(all) : null,
                "any" => ReadMany(entry.Value, at, depth) is { } any ? new Condition.Any(any) : null,
                "not" => Read(entry.Value, at, depth + 1) is { } negated ? new Condition.Not(negated) : null,
                _ => ReadComparisons(entry, at),
            };

            if (condition is not null)
            {
                conditions.Add(condition);
            }
        }

        return conditions is [var only] ? only : new Condition.All(conditions);
    }

    public List<Condition>? ReadMany(Node node, FieldPath path, int depth)
    {
        if (node is not ListNode { Items: { Count: > 0 and <= ItemsMax } items })
        {
            findings.Add(node, path, $"must be a list of 1 to {ItemsMax} conditions");
            return null;
        }

        return [.. items.Select((item, i) => Read(item, path.At(i), depth + 1)).OfType<Condition>()];
    }

    private Condition? ReadComparisons(MapEntry entry, FieldPath path)
    {
        if (NameErrors.InAttribute(entry.Name) is { } error)
        {
            findings.Add(entry.Line, entry.Column, path, error);
            return null;
        }

        if (entry.Value is not MapNode map || map.Entries.Count == 0)
        {
            findings.Add(entry.Value, path, "must be a map of comparisons, such as {lte: 5000}");
            return null;
        }

        var comparisons = new List<Condition>();

        foreach (var comparison in map.Entries)
        {
            var at = path.At(comparison.Name);

            if (!Operators.TryGetValue(comparison.Name, out var compared))
            {
                findings.Add(comparison.Line, comparison.Column, at, $"is not a comparison; known: {string.Join(", ", Operators.Keys)}");
            }
            else if (ReadOperand(compared, comparison.Value, at) is { } operand)
            {
                comparisons.Add(new Condition.Comparison(entry.Name, compared, operand));
            }
        }

        return comparisons is [var only] ? only : new Condition.All(comparisons);
    }

    private PolicyValue? ReadOperand(Operator compared, Node node, FieldPath path)
    {
        var value = Value(node);

        var (fits, expected) = compared switch
        {
            Operator.Eq or Operator.Ne => (value is PolicyValue.Text or PolicyValue.Whole or PolicyValue.Flag, "a string, an integer or a boolean"),
            Operator.Lt or Operator.Lte or Operator.Gt or Operator.Gte => (value is PolicyValue.Whole, "an integer"),
            Operator.In or Operator.NotIn => (value is PolicyValue.Texts or PolicyValue.Wholes, $"a list of 1 to {ItemsMax} strings, or of integers"),
            Operator.Intersects or Operator.SubsetOf => (value is PolicyValue.Texts, $"a list of 1 to {ItemsMax} strings"),
            Operator.Prefix => (value is PolicyValue.Text { Value.Length: > 0 }, "a string that is not empty"),
            Operator.HostUnder => (value is PolicyValue.Text { Value: var host } && IsDomain(host), "a domain in lower case, such as example.com"),
            _ => (value is PolicyValue.Flag, "true or false"),
        };

        if (fits)
        {
            return value;
        }

        findings.Add(node, path, $"must be {expected}, is {node.Described}");
        return null;
    }

    public static PolicyValue? Value(Node node) => node switch
    {
        TextNode text => new PolicyValue.Text(text.Value),
        WholeNode whole => new PolicyValue.Whole(whole.Value),
        FlagNode flag => new PolicyValue.Flag(flag.Value),
        ListNode { Items: { Count: > 0 and <= ItemsMax } items } when items.All(i => i is TextNode) =>
            new PolicyValue.Texts([.. items.Cast<TextNode>().Select(t => t.Value)]),
        ListNode { Items: { Count: > 0 and <= ItemsMax } items } when items.All(i => i is WholeNode) =>
            new PolicyValue.Wholes([.. items.Cast<WholeNode>().Select(w => w.Value)]),
        _ => null,
    };

    private static bool IsDomain(string host) => host.Length is > 0 and <= 253
        && host.Split('.').All(l => l.Length is > 0 and <= 63 && l.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'));
}
