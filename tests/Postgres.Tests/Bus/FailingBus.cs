using Mesh.Bus;
using Mesh.Postgres;

namespace Postgres.Tests.Bus;

/// <summary>A real bus behind a line that breaks: before the messages got through, or after it, when only the answer is lost.</summary>
internal sealed class FailingBus(IBusTransport bus, Func<bool> breaksBefore, Func<bool> breaksAfter) : IBusTransport, IAsyncDisposable
{
    public async Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        if (breaksBefore())
        {
            throw new IOException("The line broke before the messages were sent.");
        }

        var accepted = await bus.SendAsync(messages, stop);

        return breaksAfter() ? throw new IOException("The line broke before the answer came.") : accepted;
    }

    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop) => bus.SubscribeAsync(consumer, types, stop);

    public Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop) => bus.ConsumeAsync(consumer, delivery, stop);

    public ValueTask DisposeAsync() => (bus as IAsyncDisposable)?.DisposeAsync() ?? ValueTask.CompletedTask;
}
