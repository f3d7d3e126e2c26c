using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Policy.Evaluation;

namespace Mesh.Policy.Tests.Evaluation;

public sealed class CombiningTests
{
    private static readonly LimitRule Count = new() { Set = "s", Id = "count", Kind = LimitKind.Count, Max = 1, Window = TimeSpan.FromHours(1) };
    private static readonly LimitRule Amount = new() { Set = "s", Id = "amount", Kind = LimitKind.Amount, Field = "n", Max = 1, Window = TimeSpan.FromHours(1) };
    private static readonly Condition Broken = new Condition.EqualTo("missing", new AttributeValue.Flag(true));

    [Fact]
    public void Forbid_beats_approval_beats_permit_in_whatever_order_they_are_written()
    {
        PolicyRule[] rules = [Rule("p", RuleEffect.Permit), Rule("a", RuleEffect.RequireApproval), Rule("f", RuleEffect.Forbid)];

        foreach (var order in Orders(rules))
        {
            Assert.IsType<Verdict.Denied>(Decide(order));
            Assert.IsType<Verdict.NeedsApproval>(Decide([.. order.Where(r => r.Id != "f")]));
        }

        Assert.IsType<Verdict.Permitted>(Decide([rules[0]]));
        Assert.IsType<Verdict.Denied>(Decide([]));
    }

    [Fact]
    public void What_cannot_be_evaluated_forbids_and_asks_and_never_permits()
    {
        var permit = Rule("p", RuleEffect.Permit);

        Assert.IsType<Verdict.Denied>(Decide([permit, Rule("f", RuleEffect.Forbid, Broken)]));
        Assert.IsType<Verdict.NeedsApproval>(Decide([permit, Rule("a", RuleEffect.RequireApproval, Broken)]));
        Assert.IsType<Verdict.Denied>(Decide([Rule("p", RuleEffect.Permit, Broken)]));
        Assert.IsType<Verdict.Denied>(Decide([Rule("p", RuleEffect.Permit, new Condition.Not(Broken))]));
        Assert.True(Decide([permit, Rule("q", RuleEffect.Permit, Broken)]).Grounds.IsDegraded);
        Assert.False(Decide([permit]).Grounds.IsDegraded);
    }

    [Fact]
    public void A_side_that_settles_the_answer_hides_an_error_beside_it_and_no_other_does()
    {
        var call = Call("read");
        var yes = new Condition.Exists("missing", false);
        var no = new Condition.Exists("missing", true);

        Assert.Equal(Truth.No, new Condition.All([Broken, no]).Of(call));
        Assert.Equal(Truth.Error, new Condition.All([Broken, yes]).Of(call));
        Assert.Equal(Truth.Yes, new Condition.Any([Broken, yes]).Of(call));
        Assert.Equal(Truth.Error, new Condition.Any([Broken, no]).Of(call));
    }

    [Theory]
    [InlineData("read", false, "", true)]
    [InlineData("write", false, "", true)]
    [InlineData("customer_facing", false, "count", false)]
    [InlineData("customer_facing", true, "", false)]
    [InlineData("customer_facing", true, "count", true)]
    [InlineData("destructive", true, "count", true)]
    [InlineData("financial", true, "count", false)]
    [InlineData("financial", true, "amount", false)]
    [InlineData("financial", true, "count amount", true)]
    public void The_floor_asks_a_person_unless_an_unattended_rule_has_the_limits_that_the_class_wants(
        string toolClass, bool isUnattended, string limits, bool isPermitted)
    {
        var rule = Rule("p", RuleEffect.Permit) with
        {
            IsUnattended = isUnattended,
            Limits = [.. limits.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(l => l == "count" ? Count : Amount)],
        };

        var verdict = Decide([rule], toolClass);

        Assert.Equal(isPermitted, verdict is Verdict.Permitted);
        Assert.True(isPermitted || verdict is Verdict.NeedsApproval { Approval.Id: "default" });
    }

    [Fact]
    public void Several_approvals_want_whoever_may_give_all_of_them_and_nobody_is_a_denial()
    {
        var first = Rule("a", RuleEffect.RequireApproval) with { Approval = Asking("a", 4, ["finance", "board"]) };
        var second = Rule("b", RuleEffect.RequireApproval) with { Approval = Asking("b", 1, ["board", "legal"]) with { ExcludesInitiator = true } };

        var both = Assert.IsType<Verdict.NeedsApproval>(Decide([first, second])).Approval;

        Assert.Equal(["board"], both.Groups);
        Assert.Equal(TimeSpan.FromHours(1), both.ExpiresAfter);
        Assert.True(both.ExcludesInitiator);
        Assert.IsType<Verdict.Denied>(Decide([first, second with { Approval = Asking("b", 1, ["legal"]) }]));
    }

    [Theory]
    [InlineData("finance")]
    [InlineData("default")]
    public void Approvals_of_two_sets_that_share_an_id_loosen_nothing_in_whatever_order(string id)
    {
        var strict = Asking(id, 1, ["board", "finance"]) with { ExcludesInitiator = true };
        var loose = Asking(id, 24, ["finance", "interns"]);

        foreach (var both in (ApprovalRule[])[strict.And(loose), loose.And(strict)])
        {
            Assert.Equal((id, TimeSpan.FromHours(1), true), (both.Id, both.ExpiresAfter, both.ExcludesInitiator));
            Assert.Equal(["finance"], both.Groups);
        }

        // One named like the queue of last resort does not replace it either.
        var last = Assert.IsType<Verdict.Denied>(Decide([
            Rule("a", RuleEffect.RequireApproval), Rule("b", RuleEffect.RequireApproval) with { Approval = loose }]));
        Assert.Contains("nobody could give them", last.Message, StringComparison.Ordinal);
        Assert.Equal(ApprovalRule.Default.Groups, ApprovalRule.Default.And(ApprovalRule.Default).Groups);
    }

    [Theory]
    [InlineData("example.com", true)]
    [InlineData("a.b.example.com", true)]
    [InlineData("A.EXAMPLE.com.", true)]
    [InlineData("evilexample.com", false)]
    [InlineData("example.com.evil.org", false)]
    [InlineData("10.0.0.1", false)]
    public void A_host_is_under_a_domain_by_whole_labels(string host, bool isUnder)
    {
        var call = new CallAttributes(Context("read"), [KeyValuePair.Create("host", (AttributeValue)new AttributeValue.Text(host))]);

        Assert.Equal(isUnder ? Truth.Yes : Truth.No, new Condition.HostUnder("host", "example.com").Of(call));
    }

    [Theory]
    [InlineData("https://evil.test/.example.com")]
    [InlineData("evil.test/.example.com")]
    [InlineData("evil.test#.example.com")]
    [InlineData("evil.test:443")]
    [InlineData("user@a.example.com")]
    [InlineData("a.example.com:443")]
    [InlineData("a..example.com")]
    [InlineData("a.example.com..")]
    [InlineData("evil.test\n.example.com")]
    [InlineData("a.example.com\n")]
    [InlineData("evil\uFF0F.example.com")]
    [InlineData("[::1]")]
    [InlineData("")]
    public void What_is_no_host_name_permits_nothing_and_forbids(string host)
    {
        var under = new Condition.HostUnder("host", "example.com");
        var call = new CallAttributes(Context("read"), [KeyValuePair.Create("host", (AttributeValue)new AttributeValue.Text(host))]);

        Verdict Of(params PolicyRule[] rules) => new PolicySnapshot(ContentDigest.Of("test"u8), rules).Evaluate(call);

        Assert.Equal(Truth.Error, under.Of(call));
        Assert.IsType<Verdict.Denied>(Of(Rule("p", RuleEffect.Permit, under)));
        Assert.IsType<Verdict.Denied>(Of(Rule("p", RuleEffect.Permit), Rule("f", RuleEffect.Forbid, under)));
        Assert.IsType<Verdict.Denied>(Of(Rule("p", RuleEffect.Permit), Rule("f", RuleEffect.Forbid, new Condition.Not(under))));
    }

    [Fact]
    public void An_argument_cannot_stand_in_for_what_the_runtime_says()
    {
        var call = new CallAttributes(Context("financial"), [KeyValuePair.Create("classes", (AttributeValue)AttributeValue.LabelsOf(["read"]))]);

        Assert.Equal(Truth.Yes, new Condition.Intersects("classes", FrozenSet.Create("financial")).Of(call));
    }

    [Fact]
    public void An_amount_that_cannot_be_counted_is_denied()
    {
        var rule = Rule("p", RuleEffect.Permit) with { Limits = [Amount with { Field = "missing" }] };

        Assert.IsType<Verdict.Denied>(Decide([rule]));
    }

    private static PolicyRule Rule(string id, RuleEffect effect, Condition? condition = null) => new()
    {
        Id = id,
        Effect = effect,
        Condition = condition ?? new Condition.All([]),
    };

    private static ApprovalRule Asking(string id, int hours, ImmutableArray<string> groups) => new()
    {
        Id = id,
        Groups = groups,
        ExpiresAfter = TimeSpan.FromHours(hours),
    };

    private static Verdict Decide(PolicyRule[] rules, string toolClass = "read") =>
        new PolicySnapshot(ContentDigest.Of("test"u8), rules).Evaluate(Call(toolClass));

    private static CallAttributes Call(string toolClass) => new(Context(toolClass), [KeyValuePair.Create("n", (AttributeValue)new AttributeValue.Whole(1))]);

    private static CallContext Context(string toolClass) => new()
    {
        Tenant = "acme",
        Workflow = "w",
        Tool = "some.tool",
        Integration = "i",
        Initiator = "person:ines",
        Classes = FrozenSet.Create(StringComparer.Ordinal, toolClass),
    };

    private static IEnumerable<PolicyRule[]> Orders(PolicyRule[] rules) => rules.Length == 0
        ? [[]]
        : rules.SelectMany((rule, i) => Orders([.. rules[..i], .. rules[(i + 1)..]]).Select(rest => (PolicyRule[])[rule, .. rest]));
}
