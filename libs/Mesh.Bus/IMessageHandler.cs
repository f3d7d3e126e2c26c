using Mesh.Postgres;
using Npgsql;

namespace Mesh.Bus;

/// <summary>Gives messages their effect. A plain class: it knows no transport.</summary>
public interface IMessageHandler
{
    /// <summary>Who consumes. Each consumer gets every message of its types once; several handlers may share one consumer.</summary>
    public string Consumer { get; }

    /// <summary>The types that this handler takes.</summary>
    public IReadOnlyCollection<string> Types { get; }

    /// <summary>Writes the effect of one message, inside a transaction of the service's own store.</summary>
    /// <remarks>
    /// Everything MUST be written through <paramref name="effect"/>: it commits together with the inbox row, or not at all.
    /// The transaction may be shared with other messages. Throw <see cref="UndecodableMessageException"/> for a body that no
    /// repetition will make readable; anything else that is thrown is tried again later.
    /// </remarks>
    /// <returns>What is to be done once the effect is committed, such as hints and counts, which must not come before; null for nothing. A crash skips it, and it must not throw.</returns>
    public Task<Action?> HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop);
}
