using System.Buffers;
using System.Security.Cryptography;

namespace Mesh.Integrity;

/// <summary>Bytes that must not be copied, moved or printed by accident: pinned, and zeroed when disposed.</summary>
/// <remarks>Best effort by nature: what a caller copies out of the span is the caller's to erase.</remarks>
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] bytes;
    private bool disposed;

    private SecretBytes(int length) =>
        // Pinned, because the collector leaves the old copy behind when it moves an array.
        bytes = GC.AllocateUninitializedArray<byte>(length, pinned: true);

    /// <summary>The secret.</summary>
    /// <exception cref="ObjectDisposedException">It was erased.</exception>
    public ReadOnlySpan<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return bytes;
        }
    }

    /// <summary>How many bytes there are.</summary>
    public int Length => bytes.Length;

    /// <summary>New random bytes.</summary>
    public static SecretBytes Random(int length)
    {
        var secret = new SecretBytes(length);
        RandomNumberGenerator.Fill(secret.bytes);
        return secret;
    }

    /// <summary>A secret of the same bytes. The source is left as it is.</summary>
    public static SecretBytes CopyOf(ReadOnlySpan<byte> source)
    {
        var secret = new SecretBytes(source.Length);
        source.CopyTo(secret.bytes);
        return secret;
    }

    /// <summary>A secret of the same bytes. The source is zeroed.</summary>
    public static SecretBytes Take(Span<byte> source)
    {
        var secret = CopyOf(source);
        CryptographicOperations.ZeroMemory(source);
        return secret;
    }

    /// <summary>A secret that is written in place, for decryption without a copy.</summary>
    /// <param name="length">How many bytes it has.</param>
    /// <param name="state">What the writer needs.</param>
    /// <param name="write">Fills all of the bytes. If it throws, they are erased.</param>
    public static SecretBytes Create<TState>(int length, TState state, SpanAction<byte, TState> write)
    {
        var secret = new SecretBytes(length);

        try
        {
            write(secret.bytes, state);
            return secret;
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    /// <summary>Equality in a time that does not tell where the two differ.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Span, other);

    /// <summary>Erases the bytes.</summary>
    public void Dispose()
    {
        disposed = true;
        CryptographicOperations.ZeroMemory(bytes);
    }

    /// <summary>Never the value.</summary>
    public override string ToString() => "***";
}
