using System.Net;

namespace Mesh.Toolrunner.Agents;

/// <summary>Where admitted agents arrive, apart by the protocol that they speak.</summary>
internal sealed class AgentEndPoint(string protocol) : EndPoint
{
    public static AgentEndPoint Grpc { get; } = new("agents-http2");

    public static AgentEndPoint Json { get; } = new("agents-http1");

    public override string ToString() => protocol;
}
