using System.Net;
using Mesh.Toolrunner.Egress;

namespace Mesh.Toolrunner.Tests.Egress;

public sealed class EgressGateTests
{
    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("10.1.2.3")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("100.100.100.200")]
    [InlineData("0.0.0.0")]
    [InlineData("168.63.129.16")]
    public async Task A_name_that_leads_inside_is_refused(string address)
    {
        var gate = new EgressGate(["api.example.com:443"], new HashSet<string>(), (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("93.184.216.34"), IPAddress.Parse(address)]));

        await Assert.ThrowsAsync<EgressDeniedException>(() => gate.ConnectAsync(new DnsEndPoint("api.example.com", 443), isEncrypted: true, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_host_or_port_that_is_not_listed_is_refused_before_its_name_is_asked_for()
    {
        var gate = new EgressGate(["api.example.com:443"], new HashSet<string>(), (_, _) => throw new InvalidOperationException("asked"));

        await Assert.ThrowsAsync<EgressDeniedException>(() => gate.ConnectAsync(new DnsEndPoint("api.example.com", 8443), isEncrypted: true, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<EgressDeniedException>(() => gate.ConnectAsync(new DnsEndPoint("evil.example.com", 443), isEncrypted: true, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_open_network_is_reached_with_TLS_only()
    {
        var gate = new EgressGate(["api.example.com:80"], new HashSet<string>(), (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("93.184.216.34")]));

        await Assert.ThrowsAsync<EgressDeniedException>(() => gate.ConnectAsync(new DnsEndPoint("api.example.com", 80), isEncrypted: false, TestContext.Current.CancellationToken));
    }
}
