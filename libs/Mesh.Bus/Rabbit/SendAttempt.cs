using MassTransit;

namespace Mesh.Bus.Rabbit;

/// <summary>One try to hand a message to the broker. It ends with the first fault.</summary>
/// <remarks>
/// MassTransit by itself tries on for as long as the broker refuses, with pauses of many seconds, while everything else waits. Here the
/// outbox tries again, and only what was refused.
/// </remarks>
internal sealed class SendAttempt : IDisposable
{
    private readonly CancellationTokenSource ending;

    public SendAttempt(CancellationToken stop) => ending = CancellationTokenSource.CreateLinkedTokenSource(stop);

    public CancellationToken Ended => ending.Token;

    public Exception? Fault { get; private set; }

    /// <summary>The broker has no queue for the message, or the queue is full; nothing is wrong with the broker itself.</summary>
    public bool IsRefused => Fault is MessageReturnedException or { InnerException: RabbitMQ.Client.Exceptions.PublishException };

    public void AddTo(SendContext context) => context.GetOrAddPayload(() => this);

    public void Dispose() => ending.Dispose();

    private void End(Exception fault)
    {
        Fault = fault;
        ending.Cancel();
    }

    /// <summary>Tells each attempt of its fault.</summary>
    internal sealed class Observer : ISendObserver
    {
        public Task PreSend<T>(SendContext<T> context)
            where T : class => Task.CompletedTask;

        public Task PostSend<T>(SendContext<T> context)
            where T : class => Task.CompletedTask;

        public Task SendFault<T>(SendContext<T> context, Exception exception)
            where T : class
        {
            if (exception is not OperationCanceledException && context.TryGetPayload<SendAttempt>(out var attempt))
            {
                attempt.End(exception);
            }

            return Task.CompletedTask;
        }
    }
}
