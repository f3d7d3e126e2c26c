using MassTransit;

namespace Mesh.Bus.Rabbit;

/// <summary>Tells when an endpoint lost its broker.</summary>
/// <remarks>
/// MassTransit would connect it again after up to half a minute, and gives up on errors that it does not know. So the consumer ends
/// instead, and is started anew at once.
/// </remarks>
internal sealed class EndpointWatch : IReceiveEndpointObserver
{
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Fails when one of the endpoints is not connected any more.</summary>
    public Task Ended => ended.Task;

    public Task Ready(ReceiveEndpointReady ready) => Task.CompletedTask;

    public Task Stopping(ReceiveEndpointStopping stopping) => Task.CompletedTask;

    public Task Completed(ReceiveEndpointCompleted completed) => EndAsync(new IOException($"{completed.InputAddress.AbsolutePath} lost its broker."));

    public Task Faulted(ReceiveEndpointFaulted faulted) => EndAsync(faulted.Exception ?? new IOException($"{faulted.InputAddress.AbsolutePath} could not be opened."));

    private Task EndAsync(Exception error)
    {
        ended.TrySetException(error);
        return Task.CompletedTask;
    }
}
