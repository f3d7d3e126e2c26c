namespace Mesh.Integrity;

/// <summary>JSON in canonical form. Only <see cref="CanonicalJson"/> makes one, so to hold one is the proof.</summary>
public sealed class CanonicalBytes : IEquatable<CanonicalBytes>
{
    private readonly byte[] bytes;

    internal CanonicalBytes(byte[] bytes) => this.bytes = bytes;

    /// <summary>The canonical UTF-8 bytes.</summary>
    public ReadOnlySpan<byte> Span => bytes;

    /// <summary>The canonical UTF-8 bytes, for what is asynchronous.</summary>
    public ReadOnlyMemory<byte> Memory => bytes;

    /// <summary>How many bytes there are.</summary>
    public int Length => bytes.Length;

    /// <summary>A copy of the canonical bytes.</summary>
    public byte[] ToArray() => [.. bytes];

    /// <inheritdoc/>
    public bool Equals(CanonicalBytes? other) => other is not null && other.Span.SequenceEqual(bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CanonicalBytes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    /// <summary>The size only: arguments do not belong into logs.</summary>
    public override string ToString() => $"canonical JSON, {bytes.Length} bytes";
}
