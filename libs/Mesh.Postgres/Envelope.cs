namespace Mesh.Postgres;

/// <summary>A message on its way from an outbox to the consumers of its type.</summary>
/// <param name="Id">Made by the sender (UUIDv7); what consumers recognise a duplicate by.</param>
/// <param name="Tenant">The tenant that it belongs to.</param>
/// <param name="Key">Messages of one key arrive in order; different keys do not wait for each other.</param>
/// <param name="KeySequence">The place within the key; it only grows.</param>
/// <param name="Type">What it is, as subscriptions name it.</param>
/// <param name="TraceParent">W3C trace context of whoever made it true.</param>
/// <param name="Body">At most <see cref="BodyBytesMax"/>.</param>
public sealed record Envelope(Guid Id, string Tenant, string Key, long KeySequence, string Type, string? TraceParent, byte[] Body)
{
    /// <summary>The largest body: 1 MiB. The outbox table refuses more.</summary>
    public const int BodyBytesMax = 1 << 20;
}
