using Mesh.TestKit;
using Mesh.Toolrunner.Agents;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Toolrunner.Tests.Agents;

public sealed class RunningAgentTests
{
    [Fact]
    public async Task An_agent_that_ended_has_no_connection_any_more()
    {
        using var agent = new RunningAgent(new Toolrunner.Agents.Agent("acme", "refunds", "sha256:b", "one"), "/tmp");
        await using var connection = new DefaultConnectionContext("held by a child");
        Assert.True(agent.TryConnect(connection));

        agent.Cut();

        await Eventually.Async(() => connection.ConnectionClosed.IsCancellationRequested);
    }

    [Fact]
    public async Task A_connection_that_first_speaks_after_the_end_is_refused()
    {
        using var agent = new RunningAgent(new Toolrunner.Agents.Agent("acme", "refunds", "sha256:b", "one"), "/tmp");
        await using var connection = new DefaultConnectionContext("held by a child");

        agent.Cut();

        Assert.False(agent.TryConnect(connection));
    }
}
