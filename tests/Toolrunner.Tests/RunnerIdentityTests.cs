using System.Net;
using Grpc.Core;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Tests;

/// <summary>At which address a runner says that it can be asked: another than the pool's, which is a name of all replicas.</summary>
public sealed class RunnerIdentityTests
{
    [Theory]
    [InlineData("10.0.0.5:7310", "127.0.0.1:7311", "10.0.0.5:7310")]
    [InlineData("0.0.0.0:7310", "127.0.0.1:7311", "127.0.0.1:7310")]
    [InlineData("0.0.0.0:7310", "localhost:7311", "127.0.0.1:7310")]
    [InlineData("0.0.0.0:7310", "dns:///127.0.0.1:7311", "127.0.0.1:7310")]
    [InlineData("0.0.0.0:7310", "127.0.0.1:7311,127.0.0.1:7312", "127.0.0.1:7310")]
    [InlineData("[::]:7310", "127.0.0.1:7311", "127.0.0.1:7310")]
    public void A_runner_that_listens_everywhere_says_by_which_address_the_orchestrator_reaches_it(string listen, string orchestrator, string expected) =>
        Assert.Equal(expected, Identity(new RunnerOptions(), listen, orchestrator).Address);

    [Fact]
    public void What_the_operator_says_wins() =>
        Assert.Equal("192.168.1.2:9000", Identity(new RunnerOptions { Advertise = IPEndPoint.Parse("192.168.1.2:9000") }, "0.0.0.0:7310", "127.0.0.1:7311").Address);

    [Fact]
    public void Without_an_orchestrator_no_wrong_address_is_given_out()
    {
        var lost = Identity(new RunnerOptions(), "0.0.0.0:7310", "nobody.invalid:7311");

        Assert.Equal(StatusCode.Unavailable, Assert.Throws<RpcException>(() => lost.Address).StatusCode);
    }

    // The server is asked only where the port is not known before.
    private static RunnerIdentity Identity(RunnerOptions options, string listen, string orchestrator) =>
        new(options, new MeshServiceOptions { Listen = IPEndPoint.Parse(listen), PeerOrchestrator = orchestrator }, server: null!);
}
