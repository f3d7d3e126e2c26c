using Grpc.Core;

namespace Mesh.Orchestrator.Tests.Played;

/// <summary>A channel to a played runner, which tells when it was closed.</summary>
public sealed class PlayedChannel(CallInvoker peer) : ChannelBase("played"), IDisposable
{
    public bool IsClosed { get; private set; }

    public override CallInvoker CreateCallInvoker() => peer;

    public void Dispose() => IsClosed = true;
}
