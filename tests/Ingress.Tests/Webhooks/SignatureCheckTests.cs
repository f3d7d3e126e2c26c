using System.Security.Cryptography;
using System.Text;
using Mesh.Ingress.Webhooks;
using Mesh.Manifests.Signatures;
using Microsoft.AspNetCore.Http;

namespace Mesh.Ingress.Tests.Webhooks;

public sealed class SignatureCheckTests
{
    // The vector that the Standard Webhooks specification publishes.
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private const string Body = """{"test": 2432232314}""";
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const long At = 1614265330;

    // The one that GitHub documents.
    private const string GitHubKey = "It's a Secret to Everybody";
    private const string GitHubBody = "Hello, World!";
    private const string GitHubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    private static readonly SignatureScheme Milliseconds = Hmac("{timestamp}.{body}") with
    {
        Timestamp = new SignedTimestamp("X-Time", TimestampUnit.Milliseconds, TimeSpan.FromMinutes(5)),
    };

    [Fact]
    public void The_published_vectors_are_signed()
    {
        Assert.Equal(new Verdict.Accepted(Id), Standard(Headers()));
        Assert.IsType<Verdict.Accepted>(GitHub(GitHubSignature));
    }

    [Fact]
    public void The_vector_of_a_scheme_that_is_spelled_out_is_signed()
    {
        // As Slack documents it: the version, the time and the body, with colons between them.
        var slack = Hmac("v0:{timestamp}:{body}") with
        {
            Header = "X-Slack-Signature",
            Prefix = "v0=",
            Timestamp = new SignedTimestamp("X-Slack-Request-Timestamp", TimestampUnit.Seconds, SignatureScheme.ToleranceDefault),
        };
        const string body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        var headers = new HeaderDictionary
        {
            ["X-Slack-Request-Timestamp"] = "1531420618",
            ["X-Slack-Signature"] = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        };

        Assert.IsType<Verdict.Accepted>(Check(slack, headers, body, 1531420618, "8f742231b10e8888abcd99yyyzzz85a5"));
    }

    [Fact]
    public void Another_key_another_body_id_or_time_is_not_signed()
    {
        var other = "whsec_" + Convert.ToBase64String(new byte[32]);

        Assert.Equal(Rejected("signature"), Standard(Headers(), key: other));
        Assert.Equal(Rejected("signature"), Standard(Headers(), body: Body + " "));
        Assert.Equal(Rejected("signature"), Standard(Headers(timestamp: $"{At + 1}")));
        Assert.Equal(Rejected("signature"), Standard(Headers(id: Id + "x")));
        Assert.Equal(Rejected("signature"), GitHub(GitHubSignature, body: GitHubBody + "\n"));
        Assert.Equal(Rejected("signature"), GitHub(GitHubSignature, key: GitHubKey + "."));
    }

    [Fact]
    public void A_webhook_that_is_not_there_is_unknown_whatever_is_sent()
    {
        var unknown = WebhookDoor.Unknown(DateTimeOffset.UnixEpoch);

        Assert.Equal(Rejected("unknown"), SignatureCheck.Of(Headers(), Encoding.UTF8.GetBytes(Body), unknown, DateTimeOffset.FromUnixTimeSeconds(At)));
        Assert.Equal(Rejected("unknown"), SignatureCheck.Of(new HeaderDictionary(), [], unknown, DateTimeOffset.FromUnixTimeSeconds(At)));
    }

    [Fact]
    public void During_a_rotation_either_key_and_any_of_the_signatures_counts()
    {
        var old = "whsec_" + Convert.ToBase64String(new byte[32]);
        var wrong = "v1," + Convert.ToBase64String(new byte[32]);

        Assert.IsType<Verdict.Accepted>(Check(SignatureScheme.StandardWebhooks, Headers(), Body, At, old, Key));
        Assert.IsType<Verdict.Accepted>(Standard(Headers(signature: $"{wrong} v1a,xyz {Signature}")));
        Assert.IsType<Verdict.Accepted>(Check(SignatureScheme.GitHub, GitHubHeaders(GitHubSignature), GitHubBody, At, "the secret that came before", GitHubKey));
    }

    [Theory]
    [InlineData(-300, true)]
    [InlineData(-301, false)]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Five_minutes_on_either_side_are_fresh_and_a_second_more_is_not(int seconds, bool isFresh)
    {
        var verdict = Check(SignatureScheme.StandardWebhooks, Headers(), Body, At + seconds, Key);

        Assert.Equal(isFresh ? new Verdict.Accepted(Id) : Rejected("stale"), verdict);
    }

    [Theory]
    [InlineData(-300_000, true)]
    [InlineData(-300_001, false)]
    [InlineData(300_000, true)]
    [InlineData(300_001, false)]
    public void A_time_stamp_in_milliseconds_is_compared_in_milliseconds(int milliseconds, bool isFresh)
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds((At * 1000) + milliseconds);
        var headers = Signed(Milliseconds, $"{At * 1000}.{Body}", ("X-Time", $"{At * 1000}"));

        Assert.Equal(isFresh, SignatureCheck.Of(headers, Encoding.UTF8.GetBytes(Body), Door(Milliseconds, TextKey), now) is Verdict.Accepted);
    }

    [Theory]
    [InlineData("id", "", "header_missing")]
    [InlineData("id", "a.b", "id_malformed")]
    [InlineData("id", "a,b", "id_malformed")]
    [InlineData("timestamp", "+1614265330", "timestamp_malformed")]
    [InlineData("timestamp", " 1614265330", "timestamp_malformed")]
    [InlineData("timestamp", "161426533012", "timestamp_malformed")]
    [InlineData("timestamp", "1614265330.0", "timestamp_malformed")]
    [InlineData("signature", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "signature_malformed")]
    [InlineData("signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", "signature_malformed")]
    [InlineData("signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", "signature_malformed")]
    [InlineData("signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,v1,AAAA", "signature_malformed")]
    [InlineData("signature", "v1a,AAAA", "signature_malformed")]
    public void A_header_that_could_be_read_in_two_ways_is_not_read(string header, string value, string expected)
    {
        var headers = Headers(header == "id" ? value : Id, header == "timestamp" ? value : "1614265330", header == "signature" ? value : Signature);

        Assert.Equal(Rejected(expected), Standard(headers));
    }

    [Theory]
    [InlineData("sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17")]
    [InlineData("SHA256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1700")]
    [InlineData("sha256= 757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17 ")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17,sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17 sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=")]
    public void A_signature_of_another_spelling_is_not_read(string signature) => Assert.Equal(Rejected("signature_malformed"), GitHub(signature));

    [Theory]
    [InlineData("\ufeffHello, World!")]
    [InlineData("Hello,%20World!")]
    [InlineData("Hello, World!\n")]
    [InlineData("SGVsbG8sIFdvcmxkIQ==")]
    public void The_same_body_in_another_encoding_is_another_body(string body) => Assert.Equal(Rejected("signature"), GitHub(GitHubSignature, body: body));

    [Fact]
    public void A_header_that_comes_twice_or_is_too_long_is_not_read()
    {
        foreach (var name in new[] { "webhook-id", "webhook-timestamp", "webhook-signature" })
        {
            var doubled = Headers();
            doubled[name] = new([doubled[name][0], doubled[name][0]]);
            var lengthy = Headers();
            lengthy[name] = new string('1', 4097);

            Assert.Equal(Rejected("header_missing"), Standard(doubled));
            Assert.Equal(Rejected("header_missing"), Standard(lengthy));
        }

        var twice = GitHubHeaders(GitHubSignature);
        twice["X-Hub-Signature-256"] = new([GitHubSignature, GitHubSignature]);
        Assert.Equal(Rejected("header_missing"), Check(SignatureScheme.GitHub, twice, GitHubBody, At, GitHubKey));
        Assert.Equal(Rejected("header_missing"), Check(SignatureScheme.GitHub, new HeaderDictionary(), GitHubBody, At, GitHubKey));
    }

    [Fact]
    public void Sixteen_signatures_are_read_and_one_more_is_not()
    {
        Assert.IsType<Verdict.Accepted>(Standard(Headers(signature: string.Join(' ', Enumerable.Repeat(Signature, 16)))));
        Assert.Equal(Rejected("signature_malformed"), Standard(Headers(signature: string.Join(' ', Enumerable.Repeat(Signature, 17)))));
    }

    [Fact]
    public void Where_no_id_is_signed_a_repeat_is_recognised_by_what_was_signed_and_unsigned_headers_change_nothing()
    {
        var first = GitHubHeaders(GitHubSignature);
        first["X-GitHub-Delivery"] = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
        var again = GitHubHeaders(GitHubSignature);
        again["X-GitHub-Delivery"] = "another";

        var keys = ((HeaderDictionary[])[first, again]).Select(headers => Check(SignatureScheme.GitHub, headers, GitHubBody, At, GitHubKey)).Distinct();

        Assert.Equal(new Verdict.Accepted("sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(GitHubBody)))), Assert.Single(keys));
    }

    [Fact]
    public void What_was_signed_includes_the_time_so_that_the_same_body_counts_again_later()
    {
        var first = Check(Milliseconds, Signed(Milliseconds, $"{At * 1000}.{Body}", ("X-Time", $"{At * 1000}")), Body, At, TextKey);
        var later = Check(Milliseconds, Signed(Milliseconds, $"{(At * 1000) + 1}.{Body}", ("X-Time", $"{(At * 1000) + 1}")), Body, At, TextKey);

        Assert.NotEqual(Assert.IsType<Verdict.Accepted>(first), Assert.IsType<Verdict.Accepted>(later));
    }

    [Fact]
    public void A_header_that_marks_repeats_counts_together_with_the_body_so_that_nobody_can_use_up_the_mark_of_another_delivery()
    {
        var scheme = SignatureScheme.GitHub with { Dedupe = new Deduplication.ByHeader("X-GitHub-Delivery") };

        var first = Marked(scheme, GitHubBody, "a");

        Assert.IsType<Verdict.Accepted>(first);
        Assert.Equal(first, Marked(scheme, GitHubBody, "a"));
        Assert.NotEqual(first, Marked(scheme, GitHubBody, "b"));
        Assert.NotEqual(first, Marked(scheme, GitHubBody + " ", "a"));
        Assert.Equal(Rejected("header_missing"), Check(scheme, GitHubHeaders(GitHubSignature), GitHubBody, At, GitHubKey));
        Assert.Equal(Rejected("mark_malformed"), Marked(scheme, GitHubBody, new string('a', 256)));
    }

    [Fact]
    public void Where_repeats_count_no_two_deliveries_have_one_key()
    {
        var scheme = SignatureScheme.GitHub with { Dedupe = new Deduplication.Never() };

        Assert.NotEqual(
            Assert.IsType<Verdict.Accepted>(Check(scheme, GitHubHeaders(GitHubSignature), GitHubBody, At, GitHubKey)),
            Assert.IsType<Verdict.Accepted>(Check(scheme, GitHubHeaders(GitHubSignature), GitHubBody, At, GitHubKey)));
    }

    [Theory]
    [InlineData(KeyEncoding.Hex, "000102030405060708090a0b0c0d0e0f")]
    [InlineData(KeyEncoding.Base64, "AAECAwQFBgcICQoLDA0ODw==")]
    public void A_secret_that_is_written_in_an_encoding_is_decoded_before_it_is_a_key(KeyEncoding encoding, string secret)
    {
        var scheme = Hmac("{body}") with { KeyEncoding = encoding, Encoding = SignatureEncoding.Base64 };
        byte[] key = [.. Enumerable.Range(0, 16).Select(value => (byte)value)];
        var headers = new HeaderDictionary { ["X-Signature"] = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(Body))) };

        Assert.IsType<Verdict.Accepted>(Check(scheme, headers, Body, At, secret));
    }

    [Theory]
    [InlineData(KeyEncoding.Text, "fifteen letters", 1)]
    [InlineData(KeyEncoding.Text, "a new line at the end\n", 1)]
    [InlineData(KeyEncoding.Text, "sixteen letters.", 0)]
    [InlineData(KeyEncoding.Hex, "000102030405060708090a0b0c0d0e0", 1)]
    [InlineData(KeyEncoding.Hex, "not hex at all, though long enough", 1)]
    [InlineData(KeyEncoding.Base64, "AAECAwQFBgcICQoLDA0=", 1)]
    [InlineData(KeyEncoding.Whsec, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1)]
    [InlineData(KeyEncoding.Whsec, Key, 0)]
    public void A_secret_of_another_form_is_no_key(KeyEncoding encoding, string secret, int malformed)
    {
        WebhookKeys.Read([Encoding.ASCII.GetBytes(secret)], encoding, out var counted).Dispose();

        Assert.Equal(malformed, counted);
    }

    private const string TextKey = "a key of the test";

    private static SignatureScheme Hmac(string template) => new()
    {
        Header = "X-Signature",
        Encoding = SignatureEncoding.Hex,
        SignedText = SignedText.TryParse(template, out _)!,
    };

    private static Verdict.Rejected Rejected(string reason) => new(reason);

    private static Verdict Standard(HeaderDictionary headers, string body = Body, string key = Key) => Check(SignatureScheme.StandardWebhooks, headers, body, At, key);

    private static Verdict GitHub(string signature, string body = GitHubBody, string key = GitHubKey) =>
        Check(SignatureScheme.GitHub, GitHubHeaders(signature), body, At, key);

    private static Verdict Marked(SignatureScheme scheme, string body, string mark)
    {
        var headers = GitHubHeaders("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(GitHubKey), Encoding.UTF8.GetBytes(body))));
        headers["X-GitHub-Delivery"] = mark;
        return Check(scheme, headers, body, At, GitHubKey);
    }

    private static Verdict Check(SignatureScheme scheme, HeaderDictionary headers, string body, long now, params string[] keys) =>
        SignatureCheck.Of(headers, Encoding.UTF8.GetBytes(body), Door(scheme, keys), DateTimeOffset.FromUnixTimeSeconds(now));

    private static WebhookDoor Door(SignatureScheme scheme, params string[] keys) => new(
        scheme, WebhookKeys.Read(keys.Select(key => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(key)), scheme.KeyEncoding, out _), DateTimeOffset.UnixEpoch);

    private static HeaderDictionary Headers(string id = Id, string timestamp = "1614265330", string signature = Signature) =>
        new() { ["webhook-id"] = id, ["webhook-timestamp"] = timestamp, ["webhook-signature"] = signature };

    private static HeaderDictionary GitHubHeaders(string signature) => new() { ["X-Hub-Signature-256"] = signature };

    private static HeaderDictionary Signed(SignatureScheme scheme, string text, (string Name, string Value) more) => new()
    {
        [scheme.Header] = scheme.Prefix + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(TextKey), Encoding.UTF8.GetBytes(text))),
        [more.Name] = more.Value,
    };
}
