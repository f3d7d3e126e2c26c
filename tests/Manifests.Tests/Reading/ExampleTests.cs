using System.Text;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Policies;

namespace Mesh.Manifests.Tests.Reading;

public sealed class ExampleTests
{
    [Fact]
    public void The_designs_own_example_is_read_without_an_error()
    {
        var reading = Example.Read();

        Assert.Equal([], reading.Errors);
        Assert.Equal(
            ["Tenant acme", "Integration acme/payments", "Tool acme/crm.get_order", "Tool acme/mail.send", "Tool acme/payments.refund",
                "Workflow acme/refund-request", "Webhook acme/shop", "PolicySet acme/acme-finance"],
            reading.Documents.Select(d => d.ToString()));
        Assert.Equal(5, reading.Documents[1].Line);
    }

    [Fact]
    public void A_tool_is_typed_with_its_bounds()
    {
        var tool = Example.Content<ToolManifest>("payments.refund");

        Assert.Equal("payments", tool.Integration);
        Assert.Equal([ToolClass.Financial], tool.Classes);
        Assert.Equal("Idempotency-Key", tool.Repeat!.KeyHeader);
        Assert.Equal(200, tool.Reconcile!.PerformedWhenStatus);
        Assert.Equal(TimeSpan.FromSeconds(10), tool.Timeout);
        Assert.Equal(262144, tool.Output.BytesMax);
        Assert.Equal(["card_number"], tool.Output.Redact);
    }

    [Fact]
    public void A_policy_set_is_typed_with_its_conditions()
    {
        var set = Example.Content<PolicySetManifest>("acme-finance");

        var small = set.Rules[1];
        Assert.True(small.IsUnattended);
        Assert.Equal(new Condition.Comparison("amount_minor", Operator.Lte, new PolicyValue.Whole(5000)), small.When.Condition);
        Assert.Equal(LimitKind.Amount, set.Limits[0].Kind);
        Assert.Equal(TimeSpan.FromHours(24), set.Limits[0].Window);
        Assert.True(set.Approvals[0].IsInitiatorExcluded);
        Assert.Equal(new PolicyValue.Whole(1200), set.Tests[0].Attributes["amount_minor"]);
    }

    [Fact]
    public void What_is_left_out_gets_its_default_in_the_types_and_not_in_the_canonical_form()
    {
        var document = Example.Read().Documents.Single(d => d.Name == "crm.get_order");

        Assert.Equal(TimeSpan.FromSeconds(30), ((ToolManifest)document.Content).Timeout);
        Assert.DoesNotContain("timeout", Encoding.UTF8.GetString(document.Canonical.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_document_comes_back_from_its_canonical_form_with_the_same_digest()
    {
        foreach (var document in Example.Read().Documents)
        {
            var again = ManifestDocument.FromCanonical(document.Canonical.Span);

            Assert.Equal(document.Digest, again.Digest);
            Assert.Equal(document.Canonical, again.Canonical);
            Assert.Equal((document.Kind, document.Tenant, document.Name), (again.Kind, again.Tenant, again.Name));
            Assert.Equal(document.Content.GetType(), again.Content.GetType());
        }
    }

    [Fact]
    public void Order_comments_quotes_and_spacing_do_not_change_the_digest()
    {
        var one = ManifestReader.Read("a", "apiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: acme}\n").Documents[0];
        var other = ManifestReader.Read("b", "# a comment\nmetadata:\n  name: \"acme\"\nkind: 'Tenant'\napiVersion: mesh/v1\n").Documents[0];

        Assert.Equal(one.Digest, other.Digest);
        Assert.Equal("""{"apiVersion":"mesh/v1","kind":"Tenant","metadata":{"name":"acme"}}""", Encoding.UTF8.GetString(one.Canonical.Span));
    }

    [Theory]
    [InlineData("""{"kind":"Tenant","apiVersion":"mesh/v1","metadata":{"name":"acme"}}""", "not in canonical form")]
    [InlineData("""{"apiVersion":"mesh/v1","kind":"Tenant","kind":"Tenant","metadata":{"name":"acme"}}""", "not a canonical JSON")]
    [InlineData("""{"apiVersion":"mesh/v1","kind":"Tenant","metadata":{"name":"acme","x":1}}""", "not a known field")]
    [InlineData("nonsense", "not a canonical JSON")]
    public void Bytes_that_are_not_a_canonical_manifest_are_refused(string json, string why)
    {
        var reading = ManifestReader.ReadCanonical(Encoding.UTF8.GetBytes(json));

        Assert.Empty(reading.Documents);
        Assert.Contains(why, reading.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_packed_workflow_names_its_bundle_instead_of_its_folder()
    {
        var document = Example.Read().Documents.Single(d => d.Kind == ManifestKind.Workflow);
        var bundle = ContentDigest.Of("bundle"u8);

        var packed = document.WithBundle(bundle);

        var agent = ((WorkflowManifest)packed.Content).Agent;
        Assert.Null(agent.Directory);
        Assert.Equal(bundle.ToString(), agent.Bundle);
        Assert.NotEqual(document.Digest, packed.Digest);
    }

    [Fact]
    public void The_example_is_whole_and_its_untested_rules_are_remarked_on()
    {
        var check = ManifestSet.Check(Example.Read().Documents, []);

        Assert.Equal([], check.Errors);
        Assert.Contains(check.Remarks, r => r.Message == "no test expects the rule reads" && r.Line > 0);
        Assert.DoesNotContain(check.Remarks, r => r.Message.Contains("small-refunds", StringComparison.Ordinal));
    }
}
