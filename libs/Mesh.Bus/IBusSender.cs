using Mesh.Postgres;

namespace Mesh.Bus;

/// <summary>The sending half of the bus, which needs no store.</summary>
public interface IBusSender
{
    /// <summary>Hands messages over, and answers the ids of those that are now durable on the bus.</summary>
    /// <remarks>
    /// Sending the same message again MUST be harmless. A message that nobody is subscribed to is not accepted: it stays
    /// with its sender, because nothing must get lost while its consumer was never started. Throws when the bus is gone.
    /// </remarks>
    public Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop);
}
