namespace Mesh.Audit.Proofs;

/// <summary>An entry as it is in the log. The stored hash is shown as stored: a reader computes its own.</summary>
internal sealed record LogEntry(
    long Index, byte[] Text, byte[] Hash, string Kind, DateTimeOffset Time, Guid? Task, byte[]? Payload, byte[] Salt);
