using System.Collections.Frozen;
using System.Diagnostics;
using Mesh.Integrity;
using Mesh.Policy.Evaluation;

namespace Mesh.Bench;

/// <summary>What it takes to evaluate a call against a hundred rules, in this process and without a door.</summary>
internal static class Decisions
{
    private const int Rules = 100;
    private const int Warm = 20_000;
    private const int Times = 20_000;

    /// <summary>Times in milliseconds. Every rule is about the tool, looks at two attributes, and only the last one permits.</summary>
    public static IReadOnlyList<double> Time()
    {
        var rules = Enumerable.Range(1, Rules).Select(n => new PolicyRule
        {
            Id = $"rule-{n:000}",
            Effect = n % 2 == 0 ? RuleEffect.Forbid : RuleEffect.Permit,
            Tools = FrozenSet.Create(StringComparer.Ordinal, "bench.write"),
            Condition = new Condition.All(
            [
                new Condition.EqualTo("currency", new AttributeValue.Text("EUR")),
                new Condition.EqualTo("amount_minor", new AttributeValue.Whole(n == Rules - 1 ? 1_200 : 100_000 + n)),
            ]),
        });
        var snapshot = new PolicySnapshot(ContentDigest.Of("bench"u8), rules);
        var context = new CallContext
        {
            Tenant = "bench",
            Workflow = "write",
            Tool = "bench.write",
            Integration = "target",
            Initiator = "person:ann",
            Classes = FrozenSet.Create(StringComparer.Ordinal, "write"),
        };
        KeyValuePair<string, AttributeValue>[] arguments =
        [
            KeyValuePair.Create("currency", (AttributeValue)new AttributeValue.Text("EUR")),
            KeyValuePair.Create("amount_minor", (AttributeValue)new AttributeValue.Whole(1_200)),
        ];
        var times = new List<double>(Times);

        for (var n = 0; n < Warm + Times; n++)
        {
            var started = Stopwatch.GetTimestamp();
            var verdict = snapshot.Evaluate(new CallAttributes(context, arguments));

            if (n >= Warm)
            {
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }

            if (verdict is not Verdict.Permitted)
            {
                throw new UnreachableException($"The call is {verdict}.");
            }
        }

        return times;
    }
}
