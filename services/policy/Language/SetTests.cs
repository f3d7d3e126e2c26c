using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Manifests.Kinds;
using Mesh.Policy.Evaluation;
using Declared = Mesh.Manifests.Policies;

namespace Mesh.Policy.Language;

/// <summary>Runs the tests that a set declares about itself, against this set alone.</summary>
internal static class SetTests
{
    /// <summary>Each test that did not get what it expects, in words: which, what it wanted, what it got.</summary>
    public static IEnumerable<FailedTest> Run(string tenant, string set, Declared.PolicySetManifest declared, IReadOnlyDictionary<string, ToolManifest> tools)
    {
        var snapshot = new PolicySnapshot(PlatformSet.Digest, [.. PlatformSet.Rules, .. SetCompiler.Compile(set, declared)]);

        for (var i = 0; i < declared.Tests.Count; i++)
        {
            var test = declared.Tests[i];
            var tool = tools.GetValueOrDefault(test.Tool);

            if (tool is null && test.Classes.Count == 0)
            {
                yield return new FailedTest(i, test.Name, $"the tool {test.Tool} is not declared, and the test gives no class");
                continue;
            }

            if (Mismatch(test.Expect, snapshot.Evaluate(CallOf(tenant, test, tool))) is { } mismatch)
            {
                yield return new FailedTest(i, test.Name, mismatch);
            }
        }
    }

    private static CallAttributes CallOf(string tenant, Declared.PolicyTest test, ToolManifest? tool)
    {
        var classes = test.Classes.Count > 0 ? test.Classes : tool!.Classes;
        var context = new CallContext
        {
            Tenant = tenant,
            Workflow = Text(test, "workflow") ?? "test",
            Tool = test.Tool,
            Integration = Text(test, "integration") ?? tool?.Integration ?? "",
            Initiator = Text(test, "initiator") ?? "person:test",
            Classes = classes.Select(c => c.Word()).ToFrozenSet(StringComparer.Ordinal),
            TaskDone = Labels(test, "task_done"),
            Taint = Labels(test, "taint"),
            Environment = Text(test, "environment") ?? CallContext.DefaultEnvironment,
        };

        return new CallAttributes(context, test.Attributes.Select(a => KeyValuePair.Create(a.Key, SetCompiler.ValueOf(a.Value))));
    }

    private static string? Text(Declared.PolicyTest test, string name) =>
        test.Attributes.GetValueOrDefault(name) is Declared.PolicyValue.Text text ? text.Value : null;

    private static FrozenSet<string> Labels(Declared.PolicyTest test, string name) =>
        test.Attributes.GetValueOrDefault(name) is Declared.PolicyValue.Texts texts ? texts.Values.ToFrozenSet(StringComparer.Ordinal) : [];

    private static string? Mismatch(Declared.PolicyExpectation expected, Verdict got)
    {
        var (decision, approval) = got switch
        {
            Verdict.Permitted => (Declared.RuleEffect.Permit, null),
            Verdict.NeedsApproval needs => (Declared.RuleEffect.RequireApproval, needs.Approval.Id),
            _ => (Declared.RuleEffect.Forbid, (string?)null),
        };

        if (decision != expected.Decision)
        {
            return $"expected {Word(expected.Decision)}, got {Word(decision)} by {got.Grounds.DecidedBy}";
        }

        if (expected.Rules.Count > 0 && !got.Grounds.Deciding.ToHashSet(StringComparer.Ordinal).SetEquals(expected.Rules))
        {
            return $"expected the rules {string.Join(", ", expected.Rules)}, got {Listed(got.Grounds.Deciding)}";
        }

        return expected.Approval is not null && expected.Approval != approval
            ? $"expected the approval {expected.Approval}, got {approval ?? "none"}"
            : null;
    }

    private static string Listed(ImmutableArray<string> rules) => rules.IsEmpty ? "none" : string.Join(", ", rules);

    private static string Word(Declared.RuleEffect effect) => effect switch
    {
        Declared.RuleEffect.Permit => "permit",
        Declared.RuleEffect.RequireApproval => "require_approval",
        _ => "deny",
    };
}

/// <summary>A test of a set that did not get what it expects.</summary>
internal sealed record FailedTest(int Index, string Name, string Mismatch);
