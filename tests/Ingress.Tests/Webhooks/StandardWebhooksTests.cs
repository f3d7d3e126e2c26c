using System.Text;
using Mesh.Ingress.Webhooks;
using Microsoft.AspNetCore.Http;

namespace Mesh.Ingress.Tests.Webhooks;

public sealed class StandardWebhooksTests
{
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private const string Body = """{"test": 2432232314}""";
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public void The_published_vector_is_signed()
    {
        var delivery = Read(Id, "1614265330", Signature)!;

        Assert.True(StandardWebhooks.IsSigned(delivery, Encoding.UTF8.GetBytes(Body), Keys(Key)));
    }

    [Fact]
    public void Another_key_another_body_id_or_time_is_not_signed()
    {
        var other = "whsec_" + Convert.ToBase64String(new byte[32]);

        Assert.False(StandardWebhooks.IsSigned(Read(Id, "1614265330", Signature)!, Encoding.UTF8.GetBytes(Body), Keys(other)));
        Assert.False(StandardWebhooks.IsSigned(Read(Id, "1614265330", Signature)!, Encoding.UTF8.GetBytes(Body + " "), Keys(Key)));
        Assert.False(StandardWebhooks.IsSigned(Read(Id, "1614265331", Signature)!, Encoding.UTF8.GetBytes(Body), Keys(Key)));
        Assert.False(StandardWebhooks.IsSigned(Read(Id + "x", "1614265330", Signature)!, Encoding.UTF8.GetBytes(Body), Keys(Key)));
        Assert.False(StandardWebhooks.IsSigned(Read(Id, "1614265330", Signature)!, Encoding.UTF8.GetBytes(Body), WebhookKeys.None));
    }

    [Fact]
    public void During_a_rotation_either_key_and_any_of_the_signatures_counts()
    {
        var old = "whsec_" + Convert.ToBase64String(new byte[32]);
        var wrong = "v1," + Convert.ToBase64String(new byte[32]);

        Assert.True(StandardWebhooks.IsSigned(Read(Id, "1614265330", Signature)!, Encoding.UTF8.GetBytes(Body), Keys(old, Key)));
        Assert.True(StandardWebhooks.IsSigned(Read(Id, "1614265330", $"{wrong} v1a,xyz {Signature}")!, Encoding.UTF8.GetBytes(Body), Keys(Key)));
    }

    [Theory]
    [InlineData(-300, true)]
    [InlineData(-301, false)]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Five_minutes_on_either_side_are_fresh_and_a_second_more_is_not(int seconds, bool isFresh)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1614265330);

        Assert.Equal(isFresh, StandardWebhooks.IsFresh(Read(Id, (1614265330 + seconds).ToString(System.Globalization.CultureInfo.InvariantCulture), Signature)!, now));
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
        var delivery = Delivery.Read(
            Headers(header == "id" ? value : Id, header == "timestamp" ? value : "1614265330", header == "signature" ? value : Signature), out var reason);

        Assert.Null(delivery);
        Assert.Equal(expected, reason);
    }

    [Fact]
    public void A_header_that_comes_twice_or_is_too_long_is_not_read()
    {
        foreach (var name in new[] { "webhook-id", "webhook-timestamp", "webhook-signature" })
        {
            var doubled = Headers(Id, "1614265330", Signature);
            doubled[name] = new([doubled[name][0], doubled[name][0]]);
            var lengthy = Headers(Id, "1614265330", Signature);
            lengthy[name] = new string('1', 4097);

            Assert.Null(Delivery.Read(doubled, out _));
            Assert.Null(Delivery.Read(lengthy, out _));
        }
    }

    [Fact]
    public void Sixteen_signatures_are_read_and_one_more_is_not()
    {
        Assert.NotNull(Read(Id, "1", string.Join(' ', Enumerable.Repeat(Signature, 16))));
        Assert.Null(Read(Id, "1", string.Join(' ', Enumerable.Repeat(Signature, 17))));
    }

    private static Delivery? Read(string id, string timestamp, string signature) => Delivery.Read(Headers(id, timestamp, signature), out _);

    private static HeaderDictionary Headers(string id, string timestamp, string signature) =>
        new() { ["webhook-id"] = id, ["webhook-timestamp"] = timestamp, ["webhook-signature"] = signature };

    private static WebhookKeys Keys(params string[] keys) => WebhookKeys.Read(keys.Select(key => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(key)), out _);
}
