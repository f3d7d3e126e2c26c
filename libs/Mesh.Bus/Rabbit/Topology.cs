using MassTransit;
using RabbitMQ.Client;

namespace Mesh.Bus.Rabbit;

/// <summary>What the broker holds for Mesh: a fanout exchange for each type, and for each consumer one queue and one for its dead letters.</summary>
/// <remarks>
/// Quorum queues, so that a confirmed message is on the disks of a majority. One consumer at a time, so that keys keep their order; the
/// other replicas take over when it goes. After more than eight deliveries without an answer a message is a dead letter, handed over at least once.
/// A full queue refuses instead of dropping, which dead letters at least once need.
/// </remarks>
internal static class Topology
{
    public const int DeliveryLimit = 8;

    // From RabbitMQ 4.0 on a quorum queue without a limit has one of 20, and without an exchange for dead letters it drops what
    // reaches it.
    private const int NoLimit = 1_000_000_000;

    private static readonly Dictionary<string, object?> DeadArguments = new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = NoLimit };

    public static string QueueOf(string consumer) => $"mesh.{consumer}";

    public static string DeadOf(string consumer) => $"mesh.{consumer}.dead";

    public static Uri ExchangeOf(string type) => new($"exchange:{type}?type=fanout&durable=true");

    /// <summary>Makes what is missing. Safe to repeat.</summary>
    public static async Task DeclareAsync(IChannel channel, string consumer, IEnumerable<string> types, CancellationToken stop)
    {
        await channel.ExchangeDeclareAsync(DeadOf(consumer), ExchangeType.Fanout, durable: true, cancellationToken: stop);
        await channel.QueueDeclareAsync(DeadOf(consumer), durable: true, exclusive: false, autoDelete: false, DeadArguments, cancellationToken: stop);
        await channel.QueueBindAsync(DeadOf(consumer), DeadOf(consumer), "", cancellationToken: stop);
        await channel.QueueDeclareAsync(QueueOf(consumer), durable: true, exclusive: false, autoDelete: false, ArgumentsOf(consumer), cancellationToken: stop);

        foreach (var type in types)
        {
            await channel.ExchangeDeclareAsync(type, ExchangeType.Fanout, durable: true, cancellationToken: stop);
            await channel.QueueBindAsync(QueueOf(consumer), type, "", cancellationToken: stop);
        }
    }

    /// <summary>Tells an endpoint what its queue is, in the same words.</summary>
    public static void Describe(IRabbitMqReceiveEndpointConfigurator endpoint, Dictionary<string, object?> arguments)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.BindQueue = false;
        endpoint.Durable = true;
        endpoint.AutoDelete = false;

        foreach (var (name, value) in arguments)
        {
            endpoint.SetQueueArgument(name, value);
        }
    }

    public static Dictionary<string, object?> ArgumentsOf(string consumer) => new(DeadArguments)
    {
        ["x-single-active-consumer"] = true,
        ["x-delivery-limit"] = DeliveryLimit,
        ["x-dead-letter-exchange"] = DeadOf(consumer),
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
    };

    public static Dictionary<string, object?> ArgumentsOfDead() => new(DeadArguments);
}
