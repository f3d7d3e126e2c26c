using System.Runtime.CompilerServices;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Signatures;

namespace Mesh.Manifests.Tests.Reading;

public sealed class WebhookSchemeTests
{
    private const string Fields = "algorithm: sha256, header: X-Signature, encoding: hex";

    [Fact]
    public void Hmac_is_what_its_fields_spell_out()
    {
        var signature = Read("hmac", """
            hmac:
                algorithm: sha256
                header: X-Signature
                encoding: base64
                prefix: "v0="
                signed: "v0:{timestamp}:{body}#{id}"
                timestamp: {header: X-Time, unit: ms, tolerance: 2m}
                id: {header: X-Delivery}
                keyEncoding: hex
            """);

        Assert.Equal(("X-Signature", SignatureEncoding.Base64, "v0=", "v0:{timestamp}:{body}#{id}", "X-Delivery", KeyEncoding.Hex), (
            signature.Header, signature.Encoding, signature.Prefix, signature.SignedText.Template, signature.IdHeader, signature.KeyEncoding));
        Assert.Equal(new SignedTimestamp("X-Time", TimestampUnit.Milliseconds, TimeSpan.FromMinutes(2)), signature.Timestamp);
        Assert.False(signature.IsList);
    }

    [Fact]
    public void The_example_on_the_page_of_ingress_is_read()
    {
        var page = File.ReadAllText(Path.Combine(PageOf("ingress"), "README.md"));
        var example = page.Split("```yaml\n")[1].Split("```")[0];

        var reading = ManifestReader.Read("README.md", $"apiVersion: mesh/v1\nkind: Webhook\nmetadata: {{tenant: acme, name: billing}}\nspec:\n{example}  start: {{workflow: flow}}\n");

        Assert.Empty(reading.Errors);
        Assert.Equal("hmac", ((WebhookManifest)Assert.Single(reading.Documents).Content).Scheme);
    }

    [Fact]
    public void What_hmac_leaves_out_is_the_text_of_the_secret_no_prefix_and_five_minutes()
    {
        var signature = Read("hmac", $$"""hmac: { {{Fields}}, signed: "{timestamp}.{body}", timestamp: {header: X-Time, unit: s} }""");

        Assert.Equal(("", KeyEncoding.Text, null), (signature.Prefix, signature.KeyEncoding, signature.IdHeader));
        Assert.Equal(TimeSpan.FromMinutes(5), signature.Timestamp!.Tolerance);
    }

    [Theory]
    [InlineData("standard-webhooks", "webhook-signature", "{id}.{timestamp}.{body}", KeyEncoding.Whsec)]
    [InlineData("github", "X-Hub-Signature-256", "{body}", KeyEncoding.Text)]
    public void The_named_schemes_are_descriptions_like_any_other(string scheme, string header, string template, KeyEncoding encoding)
    {
        var signature = Read(scheme, "");

        Assert.Equal((header, template, encoding), (signature.Header, signature.SignedText.Template, signature.KeyEncoding));
    }

    [Fact]
    public void A_repeat_is_recognised_as_the_manifest_says_and_by_what_was_signed_where_it_does_not()
    {
        Assert.Equal(new Deduplication.BySignedBytes(), Read("github", "").Dedupe);
        Assert.Equal(new Deduplication.BySignedBytes(), Read("github", "dedupe: body").Dedupe);
        Assert.Equal(new Deduplication.Never(), Read("github", "dedupe: none").Dedupe);
        Assert.Equal(new Deduplication.ByHeader("X-GitHub-Delivery"), Read("github", "dedupe: header:X-GitHub-Delivery").Dedupe);
    }

    [Theory]
    [InlineData("algorithm: sha1, header: X-S, encoding: hex, signed: \"{body}\"", "spec.hmac.algorithm", "must be one of sha256")]
    [InlineData("header: X-S, encoding: hex, signed: \"{body}\"", "spec.hmac.algorithm", "is required")]
    [InlineData("algorithm: sha256, encoding: hex, signed: \"{body}\"", "spec.hmac.header", "is required")]
    [InlineData("algorithm: sha256, header: \"X S\", encoding: hex, signed: \"{body}\"", "spec.hmac.header", "at most 64 characters")]
    [InlineData("algorithm: sha256, header: Content-Length, encoding: hex, signed: \"{body}\"", "spec.hmac.header", "belongs to the connection")]
    [InlineData("algorithm: sha256, header: X-S, encoding: HEX, signed: \"{body}\"", "spec.hmac.encoding", "must be one of hex, base64")]
    [InlineData("algorithm: sha256, header: X-S, encoding: hex", "spec.hmac.signed", "is required")]
    [InlineData(Fields + ", signed: \"{body}\", prefix: \"v0 \"", "spec.hmac.prefix", "visible ASCII")]
    [InlineData(Fields + ", signed: \"{body}\", keyEncoding: whsec", "spec.hmac.keyEncoding", "must be one of text, hex, base64")]
    [InlineData(Fields + ", signed: \"{body}\", nonce: {header: X-N}", "spec.hmac.nonce", "not a known field")]
    [InlineData(Fields + ", signed: \"{body}\", timestamp: {header: X-T, unit: s}", "spec.hmac.timestamp", "proves nothing: signed must have {timestamp}")]
    [InlineData(Fields + ", signed: \"{body}\", id: {header: X-I}", "spec.hmac.id", "proves nothing: signed must have {id}")]
    [InlineData(Fields + ", signed: \"{timestamp}.{body}\"", "spec.hmac.timestamp", "is required, because {timestamp} is signed")]
    [InlineData(Fields + ", signed: \"{id}.{body}\"", "spec.hmac.id", "is required, because {id} is signed")]
    [InlineData(Fields + ", signed: \"{timestamp}.{body}\", timestamp: {header: X-T, unit: m}", "spec.hmac.timestamp.unit", "must be one of s, ms")]
    [InlineData(Fields + ", signed: \"{timestamp}.{body}\", timestamp: {header: X-T, unit: s, tolerance: 2h}", "spec.hmac.timestamp.tolerance", "at most 1h")]
    [InlineData(Fields + ", signed: \"{timestamp}.{body}\", timestamp: {header: x-signature, unit: s}", "spec.hmac", "cannot be two things")]
    public void A_wrong_hmac_field_is_named(string hmac, string field, string why) => AssertRefused("hmac", $"hmac: {{ {hmac} }}", field, why);

    [Theory]
    [InlineData("dedupe: id", "must be body, none or header:NAME")]
    [InlineData("dedupe: \"header:\"", "at most 64 characters")]
    [InlineData("dedupe: header:Connection", "belongs to the connection")]
    [InlineData("dedupe: header:x-hub-signature-256", "cannot be two things")]
    public void A_wrong_dedupe_is_named(string dedupe, string why) => AssertRefused("github", dedupe, "spec.dedupe", why);

    [Theory]
    [InlineData("{timestamp}{body}")]
    [InlineData("{timestamp}0{body}")]
    [InlineData("{body}{timestamp}")]
    [InlineData("{body}7{timestamp}")]
    [InlineData("{id}{timestamp}.{body}")]
    [InlineData("{timestamp}{id}.{body}")]
    [InlineData("{id}:{timestamp}.{body}")]
    [InlineData("{id}.{timestamp}1.{body}")]
    [InlineData("{body}.{id}{timestamp}")]
    [InlineData("{body}:{id}")]
    public void What_could_be_divided_in_two_ways_is_refused(string template)
    {
        Assert.Null(SignedText.TryParse(template, out var error));
        Assert.Contains("two ways", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{body}")]
    [InlineData("{timestamp}.{body}")]
    [InlineData("v0:{timestamp}:{body}")]
    [InlineData("{timestamp}:{id}.{body}")]
    [InlineData("{id}.{timestamp}.{body}")]
    [InlineData("{body}.{timestamp}.{id}")]
    [InlineData("{id},{body}|{timestamp}")]
    [InlineData("POST {id}\\{body}")]
    public void What_can_be_divided_in_one_way_only_is_read(string template) => Assert.NotNull(SignedText.TryParse(template, out _));

    [Theory]
    [InlineData("", "1 to 128 characters")]
    [InlineData("{body}\n", "printable ASCII")]
    [InlineData("{body}é", "printable ASCII")]
    [InlineData("text", "must have {body} once")]
    [InlineData("{body}.{body}", "must have {body} once")]
    [InlineData("{id}.{id}.{body}", "twice")]
    [InlineData("{time}.{body}", "{time} is not known here")]
    [InlineData("{body", "{body is not known here")]
    [InlineData("{body}}", "} is not known here")]
    [InlineData("{{body}}", "{{ is not known here")]
    public void A_template_that_is_none_is_refused_with_its_reason(string template, string why)
    {
        Assert.Null(SignedText.TryParse(template, out var error));
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    /// <summary>The rule behind the refusals, tried with every short value: different parts never make the same text.</summary>
    [Theory]
    [InlineData("{timestamp}.{body}")]
    [InlineData("{id}.{timestamp}.{body}")]
    [InlineData("{body}.{timestamp}.{id}")]
    [InlineData("{timestamp}.{body}.{id}")]
    public void Different_deliveries_never_make_the_same_text(string template)
    {
        Assert.NotNull(SignedText.TryParse(template, out _));
        string[] numbers = ["1", "2", "11", "12"], ids = ["a", "1", "a1", "1a"];
        string[] bodies = [.. from one in (string[])["", "1", ".", "a"] from two in (string[])["", "1", ".", "a"] from three in (string[])["", ".1", ".a"] select one + two + three];

        var texts = (from number in numbers from id in ids from body in bodies.Distinct() select (number, id, body))
            .GroupBy(parts => template.Replace("{timestamp}", parts.number, StringComparison.Ordinal).Replace("{id}", parts.id, StringComparison.Ordinal).Replace("{body}", parts.body, StringComparison.Ordinal));

        Assert.All(texts, same => Assert.Single(same.Select(parts => (parts.number, template.Contains("{id}", StringComparison.Ordinal) ? parts.id : "", parts.body)).Distinct()));
    }

    private static string PageOf(string service, [CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "services", service));

    private static SignatureScheme Read(string scheme, string part)
    {
        var reading = ManifestReader.Read("test.yaml", Text(scheme, part));
        Assert.Empty(reading.Errors);
        return ((WebhookManifest)Assert.Single(reading.Documents).Content).Signature;
    }

    private static void AssertRefused(string scheme, string part, string field, string why)
    {
        var error = Assert.Single(ManifestReader.Read("test.yaml", Text(scheme, part)).Errors);
        Assert.Equal(field, error.Field);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    private static string Text(string scheme, string part) => $"""
        apiVersion: mesh/v1
        kind: Webhook
        metadata: (tenant: acme, name: hook)
        spec:
          scheme: {scheme}
          secret: key
          start: (workflow: flow)
          {part.ReplaceLineEndings("\n")}
        """.Replace('(', '{').Replace(')', '}');
}
