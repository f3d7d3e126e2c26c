namespace Mesh.ServiceHost.Tests.Peers;

public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:7312", "https://127.0.0.1:7312/", 0)]
    [InlineData("127.0.0.1:7312, policy-2:7312", "static:///policy", 2)]
    [InlineData("policy:7312", "dns:///policy:7312", 0)]
    [InlineData("dns:///policy.mesh:7312", "dns:///policy.mesh:7312", 0)]
    public void A_name_is_resolved_and_addresses_are_taken_as_they_are(string text, string target, int replicas)
    {
        var address = PeerAddress.Parse("policy", text);

        Assert.NotNull(address);
        Assert.Equal(target, address.Target.ToString());
        Assert.Equal(replicas, address.Replicas.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("policy")]
    [InlineData("policy:0")]
    [InlineData("policy:70000")]
    [InlineData("https://policy:7312")]
    [InlineData("127.0.0.1:7312,")]
    [InlineData("dns:///policy")]
    public void What_is_no_address_is_refused(string text) => Assert.Null(PeerAddress.Parse("policy", text));
}
