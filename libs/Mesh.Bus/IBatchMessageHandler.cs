using Mesh.Postgres;
using Npgsql;

namespace Mesh.Bus;

/// <summary>A handler that writes the effects of several messages at once, where one statement for all is worth it.</summary>
public interface IBatchMessageHandler : IMessageHandler
{
    /// <summary>Writes the effects of messages that were delivered together, in their order.</summary>
    /// <remarks>As for one message. If this throws, nothing of it commits, and each message is given again alone.</remarks>
    public Task<Action?> HandleAsync(IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop);

    /// <inheritdoc />
    Task<Action?> IMessageHandler.HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop) =>
        HandleAsync([message], effect, stop);
}
