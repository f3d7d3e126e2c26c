using System.Text;
using System.Text.Json;
using Mesh.Integrity;

namespace Integrity.Tests.Digests;

public sealed class DigestTests
{
    [Fact]
    public void Every_action_vector_has_the_digest_of_the_independent_implementation()
    {
        foreach (var vector in Vector.Read("actions.json").EnumerateArray())
        {
            var digest = ActionDigest.Compute(Action(vector.GetProperty("action")));

            Assert.Equal((vector.Text("name"), vector.Text("digest")), (vector.Text("name"), digest.ToString()));
        }
    }

    [Fact]
    public void Each_part_of_an_action_changes_its_digest()
    {
        var action = Action(Vector.Read("actions.json")[0].GetProperty("action"));

        ActionDescription[] others =
        [
            action with { Tenant = "other" },
            action with { Workflow = "other" },
            action with { WorkflowVersion = ContentDigest.Of([1]) },
            action with { Task = Guid.CreateVersion7() },
            action with { Step = "other" },
            action with { Tool = "other" },
            action with { ToolDigest = ContentDigest.Of([2]) },
            action with { Arguments = CanonicalJson.Parse("1"u8) },
        ];

        Assert.Equal(others.Length, others.Select(ActionDigest.Compute).Append(ActionDigest.Compute(action)).Distinct().Count() - 1);
    }

    [Fact]
    public void A_step_with_half_of_a_surrogate_pair_has_no_digest()
    {
        var action = Action(Vector.Read("actions.json")[0].GetProperty("action"));

        Assert.ThrowsAny<ArgumentException>(() => ActionDigest.Compute(action with { Step = "x\ud800" }));
    }

    [Fact]
    public void Tool_digests_and_workflow_versions_are_those_of_the_independent_implementation()
    {
        var vector = Vector.Read("definitions.json");
        var tool = Named(vector.GetProperty("tool"));
        var integration = Named(vector.GetProperty("integration"));
        var tools = vector.GetProperty("tools").EnumerateObject().Select(t => (t.Name, ContentDigest.Parse(t.Value.GetString())));

        Assert.Equal(vector.Text("toolDigest"), ToolDigest.Compute(tool, integration).ToString());
        Assert.Equal(vector.Text("toolDigestAlone"), ToolDigest.Compute(tool, null).ToString());
        Assert.Equal(vector.Text("workflowVersion"), WorkflowVersion.Compute(Canonical(vector.GetProperty("workflow")), tools).ToString());
    }

    [Fact]
    public void A_workflow_that_names_a_tool_twice_has_no_version()
    {
        var digest = ContentDigest.Of([]);

        Assert.Throws<ArgumentException>(() => WorkflowVersion.Compute(CanonicalJson.Parse("{}"u8), [("a", digest), ("a", digest)]));
    }

    [Fact]
    public void A_digest_has_one_spelling()
    {
        var hex = ContentDigest.Of("x"u8).ToString()["sha256:".Length..];

        Assert.Equal(ContentDigest.Of("x"u8), ContentDigest.Parse("sha256:" + hex));
        Assert.Equal(hex, ActionDigest.Parse(hex).ToString());

        foreach (var wrong in new[] { "", hex, "sha256:", "SHA256:" + hex, "sha256:" + hex.ToUpperInvariant(), "sha256:" + hex + "0", "sha256:" + hex[1..], "sha256: " + hex[1..], "sha256:g" + hex[1..] })
        {
            Assert.False(ContentDigest.TryParse(wrong, out _), wrong);
        }

        Assert.False(ActionDigest.TryParse(hex.ToUpperInvariant(), out _));
        Assert.Throws<FormatException>(() => ActionDigest.Parse("x"));
    }

    [Fact]
    public void Hashes_of_another_length_cannot_be_made()
    {
        Assert.Throws<ArgumentException>(() => new Hash256(new byte[31]));
        Assert.False(Hash256.TryParseBase64(Convert.ToBase64String(new byte[33]), out _));
        Assert.False(Hash256.TryParseBase64(Convert.ToBase64String(new byte[32]).Replace("A=", "B=", StringComparison.Ordinal), out _));
        Assert.False(Hash256.TryParseBase64(" " + Convert.ToBase64String(new byte[32]), out _));
        Assert.True(Hash256.TryParseBase64(Convert.ToBase64String(new byte[32]), out var zero));
        Assert.True(Hash256.FixedTimeEquals(zero, default));
        Assert.False(Hash256.FixedTimeEquals(zero, Hash256.Of([])));
    }

    private static ActionDescription Action(JsonElement action) => new()
    {
        Tenant = action.Text("tenant"),
        Workflow = action.Text("workflow"),
        WorkflowVersion = ContentDigest.Parse(action.Text("workflow_version")),
        Task = Guid.Parse(action.Text("task")),
        Step = action.Text("step"),
        Tool = action.Text("tool"),
        ToolDigest = ContentDigest.Parse(action.Text("tool_digest")),
        Arguments = Canonical(action.GetProperty("arguments")),
    };

    private static NamedSpec Named(JsonElement named) => new(named.Text("name"), Canonical(named.GetProperty("spec")));

    private static CanonicalBytes Canonical(JsonElement element) => CanonicalJson.Parse(Encoding.UTF8.GetBytes(element.GetRawText()));
}
