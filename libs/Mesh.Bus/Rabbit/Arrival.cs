using MassTransit;
using MassTransit.RabbitMqTransport;
using Mesh.Postgres;

namespace Mesh.Bus.Rabbit;

/// <summary>One delivery of the broker, which waits for its answer.</summary>
internal sealed class Arrival
{
    private readonly ChannelContext channel;
    private readonly TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Arrival(ChannelContext channel, ulong tag, Envelope message, string? trouble)
    {
        this.channel = channel;
        Tag = tag;
        Message = message;
        Trouble = trouble;
    }

    /// <summary>The place of the delivery in its channel: 1, 2, 3 and so on.</summary>
    public ulong Tag { get; }

    /// <summary>The message, or what is kept of it when it is none.</summary>
    public Envelope Message { get; }

    /// <summary>Why it is no message.</summary>
    public string? Trouble { get; }

    /// <summary>Completes when the broker may forget the delivery; is cancelled when it must keep it.</summary>
    public Task Answer => answer.Task;

    /// <summary>The channel that it came by is closed: nothing can be answered any more, and it comes again.</summary>
    public bool IsGone => channel.Channel.IsClosed;

    public static Arrival Of(ReceiveContext context)
    {
        var delivery = context.GetPayload<RabbitMqBasicConsumeContext>();
        var properties = delivery.Properties;
        var body = context.GetBody();
        var headers = properties.Headers?.AsReadOnly() ?? new Dictionary<string, object?>().AsReadOnly();
        var (message, trouble) = BrokerMessage.Read(headers, properties.MessageId, properties.Type, body);

        return new(
            context.GetPayload<ChannelContext>(),
            delivery.DeliveryTag,
            message ?? BrokerMessage.Unreadable(headers, properties.MessageId, properties.Type, body),
            message is null ? $"{trouble} {BrokerMessage.Claims(headers, properties.MessageId, properties.Type)}" : null);
    }

    public bool SharesChannelWith(Arrival other) => ReferenceEquals(channel, other.channel);

    public void Accept() => answer.TrySetResult();

    public void GiveBack() => answer.TrySetCanceled();
}
