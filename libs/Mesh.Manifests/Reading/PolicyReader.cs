using Mesh.Manifests.Policies;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the spec of a PolicySet.</summary>
internal sealed class PolicyReader(Findings findings)
{
    private static readonly TimeSpan WindowMax = TimeSpan.FromDays(30);
    private static readonly TimeSpan ExpiryMax = TimeSpan.FromDays(30);

    private static readonly Dictionary<string, RuleEffect> Effects = new(StringComparer.Ordinal)
    {
        ["permit"] = RuleEffect.Permit,
        ["require_approval"] = RuleEffect.RequireApproval,
        ["forbid"] = RuleEffect.Forbid,
    };

    private static readonly Dictionary<string, RuleEffect> Decisions = new(StringComparer.Ordinal)
    {
        ["permit"] = RuleEffect.Permit,
        ["require_approval"] = RuleEffect.RequireApproval,
        ["deny"] = RuleEffect.Forbid,
    };

    private static readonly Dictionary<string, RuleEffect> Exceeds = new(StringComparer.Ordinal)
    {
        ["require_approval"] = RuleEffect.RequireApproval,
        ["deny"] = RuleEffect.Forbid,
    };

    private static readonly Dictionary<string, LimitKind> LimitKinds = new(StringComparer.Ordinal)
    {
        ["count"] = LimitKind.Count,
        ["amount"] = LimitKind.Amount,
    };

    public PolicySetManifest Read(Fields spec, int version)
    {
        var errorsBefore = findings.Count;
        ReadMode(spec);

        var rules = Each(spec, "rules", 1, 500, ReadRule);
        var limits = Each(spec, "limits", 0, 100, ReadLimit);
        var approvals = Each(spec, "approvals", 0, 100, ReadApproval);
        var tests = Each(spec, "tests", 0, 1_000, ReadTest);

        spec.NotYet("attributes", "delegates", "classes", "extends");
        spec.Close();

        var set = new PolicySetManifest(version, rules, limits, approvals, tests);
        RefuseTwins(spec, set);

        // A list with an error lost items, so the places of the others would be told wrong.
        if (findings.Count == errorsBefore)
        {
            RefuseDanglingNames(spec, set);
        }

        return set;
    }

    private static void ReadMode(Fields spec)
    {
        var mode = spec.RequiredText("mode", 16);

        if (mode == "shadow")
        {
            spec.Refuse("mode", "shadow is not available yet; known: enforce");
        }
        else if (mode.Length > 0 && mode != "enforce")
        {
            spec.Refuse("mode", "must be enforce");
        }
    }

    private List<T> Each<T>(Fields spec, string name, int min, int max, Func<Fields, T?> read)
        where T : class
    {
        var all = new List<T>();

        foreach (var (node, path) in spec.Items(name, min, max, isRequired: min > 0))
        {
            if (Fields.Of(node, path, findings) is { } fields)
            {
                if (read(fields) is { } one)
                {
                    all.Add(one);
                }

                fields.Close();
            }
        }

        return all;
    }

    private PolicyRule? ReadRule(Fields rule)
    {
        var id = rule.RequiredName("id");
        var effect = rule.Choice("effect", Effects, RuleEffect.Forbid);
        var when = rule.RequiredMap("when") is { } scope ? ReadScope(scope) : null;
        var isUnattended = rule.OptionalFlag("unattended") ?? false;
        var limits = rule.Texts("limits", 1, 20, isRequired: false, NameErrors.InName);
        var approval = rule.OptionalName("approval");
        var reason = rule.OptionalText("reason", 500);
        rule.NotYet("obligations", "delegates");

        if (effect == RuleEffect.RequireApproval != rule.Has("approval") && rule.Has("effect"))
        {
            rule.Refuse("approval", "must be given exactly when the effect is require_approval");
        }

        if (effect != RuleEffect.Permit && isUnattended)
        {
            rule.Refuse("unattended", "belongs to the effect permit only");
        }

        if (effect == RuleEffect.Forbid && limits.Count > 0)
        {
            rule.Refuse("limits", "belong to calls that can go on, not to the effect forbid");
        }

        // A start takes nothing from a counter: a limit here would look like one and hold nobody back.
        if (limits.Count > 0 && when?.Tools.FirstOrDefault(Names.IsBuiltIn) is { } builtIn)
        {
            rule.Refuse("limits", $"count calls of declared tools; {builtIn} is not counted, so its rules have none");
        }

        return when is null ? null : new PolicyRule(id, effect, when, isUnattended, limits, approval, reason);
    }

    private RuleScope ReadScope(Fields when)
    {
        var tools = when.Texts("tool", 1, 100, isRequired: false, NameErrors.InTool);
        var classes = ToolReader.Classes(when, "class", isRequired: false);
        var reader = new ConditionReader(findings);
        var conditions = new List<Condition>();

        if (when.Optional("all") is { } all && reader.ReadMany(all, when.Path.At("all"), 1) is { } every)
        {
            conditions.AddRange(every);
        }

        if (when.Optional("any") is { } any && reader.ReadMany(any, when.Path.At("any"), 1) is { } some)
        {
            conditions.Add(new Condition.Any(some));
        }

        if (when.Optional("not") is { } not && reader.Read(not, when.Path.At("not"), 2) is { } negated)
        {
            conditions.Add(new Condition.Not(negated));
        }

        when.Close();

        if (when.Map.Entries.Count == 0)
        {
            findings.Add(when.Map, when.Path, "must name at least one of tool, class, all, any, not");
        }

        var condition = conditions switch { [] => null, [var only] => only, _ => new Condition.All(conditions) };
        return new RuleScope(tools, classes, condition);
    }

    private static PolicyLimit ReadLimit(Fields limit)
    {
        var id = limit.RequiredName("id");

        if (limit.Map.TryGet("kind", out var kindEntry) && kindEntry.Value is TextNode { Value: "rate" })
        {
            limit.Refuse("kind", "rate is not available yet; known: count, amount");
        }

        var kind = limit.Has("kind") && kindEntry?.Value is TextNode { Value: "rate" }
            ? Skipped(limit)
            : limit.Choice("kind", LimitKinds, LimitKind.Count);
        var field = limit.OptionalText("field", 64);
        var key = limit.Texts("key", 1, 8, isRequired: true, NameErrors.InAttribute);
        var max = limit.RequiredWhole("max", 0, PlainScalar.WholeMax);
        var window = limit.RequiredDuration("window", WindowMax);
        var onExceed = limit.Choice("onExceed", Exceeds, RuleEffect.Forbid);
        var approval = limit.OptionalName("approval");
        limit.NotYet("per", "burst");

        if ((kind == LimitKind.Amount) != limit.Has("field"))
        {
            limit.Refuse("field", "must be given exactly when the kind is amount");
        }
        else if (field is not null && NameErrors.InAttribute(field) is { } error)
        {
            limit.Refuse("field", error);
        }

        if ((onExceed == RuleEffect.RequireApproval) != limit.Has("approval"))
        {
            limit.Refuse("approval", "must be given exactly when onExceed is require_approval");
        }

        return new PolicyLimit(id, kind, field, key, max, window, onExceed, approval);
    }

    private static LimitKind Skipped(Fields limit)
    {
        _ = limit.Optional("kind");
        return LimitKind.Count;
    }

    private static ApprovalRule ReadApproval(Fields approval)
    {
        var id = approval.RequiredName("id");
        var queue = approval.RequiredName("queue");
        var roles = approval.Texts("roles", 1, 20, isRequired: true, NameErrors.InName);
        var quorum = approval.RequiredWhole("quorum", 1, 1);
        var expiry = approval.RequiredDuration("expiresAfter", ExpiryMax);
        var separated = approval.Texts("separationOfDuties", 0, 1, isRequired: false, t => t == "initiator" ? null : "is not available yet; known: initiator");
        approval.NotYet("reminderAfter", "distinctFrom", "show", "bind", "reuse");
        return new ApprovalRule(id, queue, roles, (int)quorum, expiry, separated.Count > 0);
    }

    private PolicyTest? ReadTest(Fields test)
    {
        var name = test.RequiredText("name", 200);
        var request = test.RequiredMap("request");
        var expect = test.RequiredMap("expect");
        test.NotYet("given");

        if (request is null || expect is null)
        {
            return null;
        }

        var tool = request.RequiredToolName("tool");
        var classes = ToolReader.Classes(request, "class", isRequired: false);
        var attributes = ReadAttributes(request.OptionalMap("attributes"));
        request.Close();

        var decision = expect.Choice("decision", Decisions, RuleEffect.Forbid);
        var rules = expect.Texts("rules", 1, 100, isRequired: false, NameErrors.InName);
        var approval = expect.OptionalName("approval");
        expect.NotYet("limit", "code");
        expect.Close();

        return new PolicyTest(name, tool, classes, attributes, new PolicyExpectation(decision, rules, approval));
    }

    private Dictionary<string, PolicyValue> ReadAttributes(Fields? fields)
    {
        var attributes = new Dictionary<string, PolicyValue>(StringComparer.Ordinal);

        foreach (var entry in fields?.Map.Entries ?? [])
        {
            var path = fields!.Path.At(entry.Name);

            if (NameErrors.InAttribute(entry.Name) is { } error)
            {
                findings.Add(entry.Line, entry.Column, path, error);
            }
            else if (entry.Value is ListNode { Items.Count: 0 })
            {
                attributes[entry.Name] = new PolicyValue.Texts([]);
            }
            else if (ConditionReader.Value(entry.Value) is { } value and not PolicyValue.Wholes)
            {
                attributes[entry.Name] = value;
            }
            else
            {
                findings.Add(entry.Value, path, "must be a string, an integer, a boolean or a list of strings");
            }
        }

        return attributes;
    }

    private static void RefuseTwins(Fields spec, PolicySetManifest set)
    {
        Twins(spec, "rules", set.Rules.Select(r => r.Id));
        Twins(spec, "limits", set.Limits.Select(l => l.Id));
        Twins(spec, "approvals", set.Approvals.Select(a => a.Id));

        static void Twins(Fields spec, string name, IEnumerable<string> ids)
        {
            foreach (var id in ids.GroupBy(i => i).Where(g => g.Key.Length > 0 && g.Count() > 1).Select(g => g.Key))
            {
                spec.Refuse(name, $"the id {id} is given to two of them");
            }
        }
    }

    private static void RefuseDanglingNames(Fields spec, PolicySetManifest set)
    {
        var limits = set.Limits.Select(l => l.Id).ToHashSet(StringComparer.Ordinal);
        var approvals = set.Approvals.Select(a => a.Id).ToHashSet(StringComparer.Ordinal);
        var rules = set.Rules.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);

        Named("rules", set.Rules.Select(r => (r.Limits.FirstOrDefault(l => !limits.Contains(l)), "limits", "a limit")));
        Named("rules", set.Rules.Select(r => (Missing(r.Approval), "approval", "an approval")));
        Named("limits", set.Limits.Select(l => (Missing(l.Approval), "approval", "an approval")));
        Named("tests", set.Tests.Select(t => (t.Expect.Rules.FirstOrDefault(r => !rules.Contains(r)), "expect.rules", "a rule")));
        Named("tests", set.Tests.Select(t => (Missing(t.Expect.Approval), "expect.approval", "an approval")));

        string? Missing(string? approval) => approval is null || approvals.Contains(approval) ? null : approval;

        void Named(string list, IEnumerable<(string? Id, string Field, string What)> asked)
        {
            foreach (var (index, (id, field, what)) in asked.Index())
            {
                if (id is { Length: > 0 })
                {
                    var (at, path) = NodePointer.Find(spec.Map, spec.Path, $"/{list}/{index}/{field.Replace('.', '/')}");
                    spec.Findings.Add(at, path, $"{id} is not {what} of this set");
                }
            }
        }
    }
}
