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
    public Task HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop);

    /// <summary>Called after a commit with effects of this handler: the time for hints, which must not come before. A crash skips it.</summary>
    public void Committed()
    {
    }
}
