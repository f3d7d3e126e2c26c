using System.Collections.Concurrent;
using Grpc.Net.Client;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>Reaches one certain tool runner, by the address that it gave the vault when it redeemed.</summary>
internal sealed class RunnerAddresses(PeerChannels channels) : IDisposable
{
    // Runners come and go; a mesh of more than this many at once reconnects more often.
    private const int ChannelsMax = 64;

    private readonly ConcurrentDictionary<string, GrpcChannel> open = new(StringComparer.Ordinal);

    public Toolrunner.V1.RunnerService.RunnerServiceClient ClientAt(string address)
    {
        if (open.Count >= ChannelsMax && !open.ContainsKey(address) && open.Keys.FirstOrDefault() is { } oldest
            && open.TryRemove(oldest, out var closed))
        {
            closed.Dispose();
        }

        return new(open.GetOrAdd(address, at => channels.OpenTo("toolrunner", at)));
    }

    public void Dispose()
    {
        foreach (var channel in open.Values)
        {
            channel.Dispose();
        }
    }
}
