using Grpc.Core;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>Reaches one certain tool runner, by the address that it gave the vault when it redeemed.</summary>
/// <remarks>A channel lives for as long as somebody asks there: after a crash many ask at once, else nobody does.</remarks>
/// <param name="open">Opens a channel to an address, or throws an <see cref="ArgumentException"/>.</param>
internal sealed class RunnerAddresses(Func<string, ChannelBase> open)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Shared> channels = new(StringComparer.Ordinal);

    /// <summary>The runner at this address, until disposed of; null when it is no address.</summary>
    public Line? Open(string address)
    {
        lock (gate)
        {
            if (!channels.TryGetValue(address, out var shared))
            {
                try
                {
                    channels[address] = shared = new Shared(open(address));
                }
                catch (ArgumentException)
                {
                    return null;
                }
            }

            shared.Users++;

            return new Line(this, address, new(shared.Channel.CreateCallInvoker()));
        }
    }

    private void Close(string address)
    {
        lock (gate)
        {
            if (--channels[address].Users == 0 && channels.Remove(address, out var last))
            {
                (last.Channel as IDisposable)?.Dispose();
            }
        }
    }

    /// <summary>One asker's hold on a runner's channel.</summary>
    internal sealed class Line(RunnerAddresses owner, string address, Toolrunner.V1.RunnerService.RunnerServiceClient runner) : IDisposable
    {
        private bool isClosed;

        public Toolrunner.V1.RunnerService.RunnerServiceClient Runner { get; } = runner;

        public void Dispose()
        {
            if (!isClosed)
            {
                isClosed = true;
                owner.Close(address);
            }
        }
    }

    private sealed class Shared(ChannelBase channel)
    {
        public ChannelBase Channel { get; } = channel;

        public int Users { get; set; }
    }
}
