namespace Mesh.ServiceHost.Tests.Peers;

public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:7312", false, "127.0.0.1:7312")]
    [InlineData("[::1]:7312", false, "::1:7312")]
    [InlineData("127.0.0.1:7312, policy-2:7312", false, "127.0.0.1:7312 policy-2:7312")]
    [InlineData("policy:7312", true, "policy:7312")]
    [InlineData("dns:///policy.mesh:7312", true, "policy.mesh:7312")]
    public void A_lone_name_stands_for_all_replicas_and_addresses_and_lists_for_themselves(string text, bool isName, string hosts)
    {
        var address = PeerAddress.Parse(text);

        Assert.NotNull(address);
        Assert.Equal(isName, address.IsName);
        Assert.Equal(hosts, string.Join(' ', address.Hosts.Select(host => $"{host.Host}:{host.Port}")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("policy")]
    [InlineData("policy:0")]
    [InlineData("policy:70000")]
    [InlineData("https://policy:7312")]
    [InlineData("127.0.0.1:7312,")]
    [InlineData("dns:///policy")]
    public void What_is_no_address_is_refused(string text) => Assert.Null(PeerAddress.Parse(text));
}
