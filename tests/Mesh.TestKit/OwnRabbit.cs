namespace Mesh.TestKit;

/// <summary>A RabbitMQ that belongs to one test or class, which may kill and restart it. Dispose it.</summary>
public abstract class OwnRabbit : IAsyncDisposable
{
    /// <summary>Where it is, with its user and password. It stays the same.</summary>
    public abstract Uri Url { get; }

    /// <summary>In a container where an engine answers, else a private server from the installed package.</summary>
    public static async Task<OwnRabbit> StartAsync() => await ContainerEngine.MissingAsync(RabbitInContainer.Image) is null
        ? await RabbitInContainer.StartAsync()
        : await RabbitFromPackage.StartAsync();

    /// <summary>kill -9: nothing is flushed, no connection is closed properly.</summary>
    public abstract Task KillAsync();

    public abstract Task StartAgainAsync();

    /// <summary>Stops all that it does, without ending it, until <see cref="ThawAsync"/>.</summary>
    public abstract Task FreezeAsync();

    public abstract Task ThawAsync();

    /// <summary>
    /// Waits until the queues of this moment are on disk as such. RabbitMQ writes the register of new ones with a delay, so that one
    /// that is killed in the first moment of a queue's life does not find the queue again.
    /// </summary>
    public abstract Task RegisteredAsync();

    /// <summary>Runs <c>rabbitmqctl</c>.</summary>
    public abstract Task<string> ControlAsync(params string[] arguments);

    public abstract ValueTask DisposeAsync();
}
