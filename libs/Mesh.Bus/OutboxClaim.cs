using Mesh.Postgres;

namespace Mesh.Bus;

/// <summary>What a relay may send now, in order per key, and how soon something that had to wait may be next.</summary>
internal sealed record OutboxClaim(IReadOnlyList<Envelope> Messages, TimeSpan BlockedFor);
