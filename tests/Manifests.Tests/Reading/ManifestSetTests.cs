namespace Mesh.Manifests.Tests.Reading;

public sealed class ManifestSetTests
{
    [Theory]
    [InlineData("name: crm.get_order", "name: crm.find_order", "spec.tools[0]", "the tool crm.get_order is not declared")]
    [InlineData("integration: payments", "integration: paymints", "spec.integration", "the integration paymints is not declared")]
    [InlineData("start: {workflow: refund-request,", "start: {workflow: refund,", "spec.start.workflow", "the workflow refund is not declared")]
    [InlineData("kind: Tenant\nmetadata: {name: acme}", "kind: Tenant\nmetadata: {name: other}", "metadata.tenant", "the tenant acme is not declared")]
    [InlineData("name: mail.send}", "name: payments.refund}", "metadata.name", "already declared in acme.yaml:")]
    [InlineData("name: mail.send}", "name: crm_get.order}", "metadata.name", "same public name")]
    [InlineData("header: Idempotency-Key", "header: authorization", "spec.http", "belongs to the integration's credential")]
    [InlineData("limits: [mails-an-hour], ", "", "spec.rules[4].limits", "needs a count limit")]
    [InlineData("limits: [refunds-a-day, refunds-an-hour]", "limits: [refunds-an-hour]", "spec.rules[1].limits", "needs an amount limit")]
    [InlineData("limits: [refunds-a-day, refunds-an-hour]", "limits: [refunds-a-day]", "spec.rules[1].limits", "needs a count limit")]
    [InlineData("[{amount_minor: {lte: 5000}}]", "[{amount: {lte: 5000}}]", "spec.rules[1].when", "amount is not an attribute of payments.refund")]
    [InlineData("[{amount_minor: {lte: 5000}}]", "[{amount_minor: {prefix: a}}]", "spec.rules[1].when", "is an integer and cannot be compared so")]
    [InlineData("[{amount_minor: {lte: 5000}}]", "[{not: {currency: {lte: 5000}}}]", "spec.rules[1].when", "is one of a list of strings and cannot be compared so")]
    [InlineData("field: amount_minor, key", "field: order, key", "spec.rules[1].limits", "sums order, which is not an integer")]
    [InlineData("key: [tenant, currency]", "key: [tenant, country]", "spec.rules[1].limits", "the key country")]
    public void What_does_not_fit_together_is_refused_with_its_field(string was, string becomes, string field, string why)
    {
        Assert.Contains(was, Example.Text, StringComparison.Ordinal);
        var reading = ManifestReader.Read("acme.yaml", Example.Text.Replace(was, becomes, StringComparison.Ordinal));
        Assert.Equal([], reading.Errors);

        var check = ManifestSet.Check(reading.Documents, []);

        Assert.True(
            check.Errors.Any(e => e.Field == field && e.Message.Contains(why, StringComparison.Ordinal) && e is { File: "acme.yaml", Line: > 0 }),
            string.Join('\n', check.Errors));
    }

    [Fact]
    public void What_is_in_the_catalogue_need_not_be_applied_again()
    {
        var documents = Example.Read().Documents;
        var catalogue = documents.Select(d => ManifestDocument.FromCanonical(d.Canonical.Span)).ToList();

        Assert.Equal([], ManifestSet.Check([documents[5]], catalogue).Errors);
        Assert.NotEqual([], ManifestSet.Check([documents[5]], []).Errors);
    }

    [Fact]
    public void A_document_of_another_tenant_is_not_found()
    {
        var documents = Example.Read().Documents;
        var other = ManifestReader.Read("other.yaml", """
            apiVersion: mesh/v1
            kind: Tenant
            metadata: {name: globex}
            ---
            apiVersion: mesh/v1
            kind: Webhook
            metadata: {tenant: globex, name: shop}
            spec: {scheme: standard-webhooks, secret: k, start: {workflow: refund-request}}
            """).Documents;

        var check = ManifestSet.Check(other, documents);

        Assert.Equal("spec.start.workflow", Assert.Single(check.Errors).Field);
    }

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("168.63.129.16")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    [InlineData("[fe80::1]")]
    [InlineData("[::ffff:169.254.169.254]")]
    [InlineData("[fd00:ec2::254]")]
    public void An_integration_at_an_address_that_no_tool_may_reach_is_refused_at_its_entry(string host)
    {
        var reading = ManifestReader.Read("far.yaml", Integration($"http://{host}:8080", $"api.example.com:443, \"{host}:8080\""));
        Assert.Equal([], reading.Errors);

        var error = Assert.Single(ManifestSet.Check(reading.Documents, Example.Read().Documents).Errors);

        Assert.Equal(("far.yaml", 6, "spec.egress[1]"), (error.File, error.Line, error.Field));
        Assert.StartsWith(host.Trim('[', ']'), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.0.7")]
    [InlineData("[::1]")]
    [InlineData("[fd00::7]")]
    [InlineData("8.8.8.8")]
    [InlineData("metadata.google.internal")]
    public void An_integration_at_an_address_of_one_s_own_or_at_a_name_is_taken(string host)
    {
        var reading = ManifestReader.Read("near.yaml", Integration($"http://{host}:8080", $"\"{host}:8080\""));

        Assert.Equal([], reading.Errors);
        Assert.Equal([], ManifestSet.Check(reading.Documents, Example.Read().Documents).Errors);
    }

    [Fact]
    public void An_integration_that_was_applied_before_its_address_was_refused_can_still_be_read_and_replaced()
    {
        var kept = ManifestReader.Read("old.yaml", Integration("http://169.254.169.254", "\"169.254.169.254:80\"")).Documents.Select(d => ManifestDocument.FromCanonical(d.Canonical.Span));
        var moved = ManifestReader.Read("new.yaml", Integration("http://127.0.0.1:80", "\"127.0.0.1:80\"")).Documents;

        Assert.Equal([], ManifestSet.Check(moved, Example.Read().Documents.Concat(kept)).Errors);
    }

    [Fact]
    public void A_changed_integration_that_would_clash_with_a_tool_in_the_catalogue_is_refused()
    {
        var documents = Example.Read().Documents;
        var changed = ManifestReader.Read("f", Example.Text.Replace("header: Authorization, format: \"Bearer {value}\"", "header: Idempotency-Key", StringComparison.Ordinal)).Documents[1];

        var check = ManifestSet.Check([changed], documents);

        Assert.Equal("spec.credential.inject", Assert.Single(check.Errors).Field);
    }

    private static string Integration(string baseUrl, string egress) => $$"""
        apiVersion: mesh/v1
        kind: Integration
        metadata: {tenant: acme, name: elsewhere}
        spec:
          http: {baseUrl: "{{baseUrl}}"}
          egress: [{{egress}}]
        """;
}
