using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

namespace Mesh.ServiceHost;

/// <summary>The channels to other services: one per peer and process, warm, with mutual TLS and round robin over replicas.</summary>
public sealed class PeerChannels : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Peer>> peers = new();
    private readonly MeshServiceOptions options;
    private readonly TlsIdentity identity;
    private readonly ClockSkew skew;
    private readonly TimeProvider clock;
    private readonly IReadOnlyDictionary<string, PeerOptions> behaviour;
    private readonly ILogger log;

    internal PeerChannels(MeshServiceOptions options, TlsIdentity identity, ClockSkew skew, TimeProvider clock, IReadOnlyDictionary<string, PeerOptions> behaviour, ILogger log)
    {
        this.options = options;
        this.identity = identity;
        this.skew = skew;
        this.clock = clock;
        this.behaviour = behaviour;
        this.log = log;
    }

    /// <summary>What generated clients of this peer are made with. It sets deadlines.</summary>
    public CallInvoker Invoker(string service) => Open(service).Invoker;

    /// <summary>A transport to one replica of a service by its address, for the rare call that is for exactly that one.</summary>
    /// <remarks>The caller keeps it and disposes of it.</remarks>
    public GrpcChannel OpenTo(string service, string address) => CreateChannel(
        service,
        PeerAddress.Parse(address) ?? throw new ArgumentException($"The address {PeerAddress.Wants}.", nameof(address)),
        behaviour.GetValueOrDefault(service) ?? new PeerOptions());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var peer in peers.Values)
        {
            if (peer.IsValueCreated)
            {
                peer.Value.Channel.Dispose();
            }
        }
    }

    private Peer Open(string service) => peers.GetOrAdd(service, static (name, self) => new Lazy<Peer>(() => self.Create(name)), this).Value;

    private Peer Create(string service)
    {
        var how = behaviour.GetValueOrDefault(service) ?? new PeerOptions();
        var address = PeerAddress.Parse(options.Peer(service) ?? "")
            ?? throw new InvalidOperationException($"There is no address of {service}: AddPeer would have refused to start.");
        var channel = CreateChannel(service, address, how);
        return new Peer(channel, channel.Intercept(new DeadlineInterceptor(how, clock)));
    }

    private GrpcChannel CreateChannel(string service, PeerAddress address, PeerOptions how)
    {
        var replicas = new PeerReplicas(address, clock);
        var transport = PeerTransport.Create(identity, service, replicas);

        // The name is nobody's: the handler puts the replica in its place.
        return GrpcChannel.ForAddress(new UriBuilder(Uri.UriSchemeHttps, service).Uri, new GrpcChannelOptions
        {
            HttpHandler = new ClockSkewHandler(service, skew, new ReplicaHandler(service, replicas, clock, log, transport)),
            DisposeHttpClient = true,
            Credentials = ChannelCredentials.SecureSsl,
            ServiceConfig = Config(how, address.Hosts.Count > 1),
            MaxReceiveMessageSize = MeshLimits.MessageBytesMax,
            MaxSendMessageSize = MeshLimits.MessageBytesMax,
        });
    }

    // Each attempt goes to the next replica. Where there is another one for certain, it is asked beside one that takes its time: a replica that
    // was stopped without a word, or that has only just started on a busy machine, costs nobody a call. INTERNAL is also what a connection
    // says that a stopping server ends amid a call.
    private static ServiceConfig Config(PeerOptions how, bool areMany)
    {
        var config = new ServiceConfig();

        foreach (var method in how.RetrySafe)
        {
            var parts = method.Trim('/').Split('/');
            config.MethodConfigs.Add(new MethodConfig
            {
                Names = { new MethodName { Service = parts[0], Method = parts[1] } },
                HedgingPolicy = areMany
                    ? new HedgingPolicy { MaxAttempts = 4, HedgingDelay = TimeSpan.FromSeconds(1), NonFatalStatusCodes = { StatusCode.Unavailable, StatusCode.Internal } }
                    : null,
                RetryPolicy = areMany
                    ? null
                    : new RetryPolicy
                    {
                        MaxAttempts = 4,
                        InitialBackoff = TimeSpan.FromMilliseconds(50),
                        MaxBackoff = TimeSpan.FromSeconds(1),
                        BackoffMultiplier = 3,
                        RetryableStatusCodes = { StatusCode.Unavailable, StatusCode.Internal },
                    },
            });
        }

        return config;
    }

    private sealed record Peer(GrpcChannel Channel, CallInvoker Invoker);
}
