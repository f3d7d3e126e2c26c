using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Mesh.Integrity;

/// <summary>Text with Ed25519 signatures below it (C2SP signed-note v1.0.0).</summary>
public static class SignedNote
{
    /// <summary>The largest note. A larger one is refused unread.</summary>
    public const int BytesMax = 64 * 1024;

    /// <summary>The most signatures. A note with more is refused before any is checked.</summary>
    public const int SignaturesMax = 16;

    // Key id and Ed25519 signature.
    internal const int SignatureLength = 4 + 64;

    private const string LineStart = "— ";

    /// <summary>Signs a text.</summary>
    /// <param name="text">Lines, each ended by a newline. MUST NOT have an empty line: some verifiers would cut the text there.</param>
    /// <param name="signer">Who signs.</param>
    /// <exception cref="ArgumentException">The text does not end in a newline, has control characters, an empty line, or is too long.</exception>
    public static byte[] Sign(string text, NoteSigner signer)
    {
        if (!IsText(text) || text.StartsWith('\n') || text.Contains("\n\n", StringComparison.Ordinal))
        {
            throw new ArgumentException("A note's text is of lines that are not empty and end in a newline.", nameof(text));
        }

        var signed = Encoding.UTF8.GetBytes(text);
        byte[] note = [.. signed, (byte)'\n', .. Encoding.UTF8.GetBytes(signer.SignatureLine(signed))];

        return note.Length <= BytesMax ? note : throw new ArgumentException($"A note has at most {BytesMax} bytes.", nameof(text));
    }

    /// <summary>Opens a note that at least one known key signed. Never throws, whatever the bytes.</summary>
    /// <param name="note">The whole note.</param>
    /// <param name="verifiers">The known keys. MUST be those of the signers that may say this, and no others.</param>
    /// <param name="text">The signed text, its last newline included.</param>
    /// <param name="signer">The name of the first known signer.</param>
    /// <param name="reason">Why it was not opened.</param>
    public static bool TryOpen(
        ReadOnlySpan<byte> note,
        IReadOnlyList<NoteVerifier> verifiers,
        [NotNullWhen(true)] out string? text,
        [NotNullWhen(true)] out string? signer,
        out NoteRefusal reason)
    {
        (text, signer) = (null, null);
        reason = note.Length > BytesMax ? NoteRefusal.TooLarge : NoteRefusal.Malformed;

        if (note.Length > BytesMax || !Utf8.IsValid(note))
        {
            return false;
        }

        var whole = Encoding.UTF8.GetString(note);
        var split = whole.LastIndexOf("\n\n", StringComparison.Ordinal);

        if (split < 0 || !IsText(whole) || !TryReadSignatures(whole.AsSpan(split + 2), out var signatures))
        {
            return false;
        }

        var body = whole[..(split + 1)];
        reason = Verify(Encoding.UTF8.GetBytes(body), signatures, verifiers, out signer);
        text = reason == NoteRefusal.None ? body : null;
        return text is not null && signer is not null;
    }

    private static NoteRefusal Verify(
        ReadOnlySpan<byte> body, List<Signature> signatures, IReadOnlyList<NoteVerifier> verifiers, out string? signer)
    {
        signer = null;

        foreach (var signature in signatures)
        {
            foreach (var verifier in verifiers)
            {
                if (verifier.KeyId != signature.KeyId || verifier.Name != signature.Name)
                {
                    continue;
                }

                if (!verifier.Verify(body, signature.Bytes))
                {
                    signer = null;
                    return NoteRefusal.InvalidSignature;
                }

                signer ??= verifier.Name;
            }
        }

        return signer is null ? NoteRefusal.UnknownSigner : NoteRefusal.None;
    }

    private static bool TryReadSignatures(ReadOnlySpan<char> lines, out List<Signature> signatures)
    {
        signatures = [];

        if (lines.IsEmpty || lines[^1] != '\n')
        {
            return false;
        }

        foreach (var range in lines[..^1].Split('\n'))
        {
            if (signatures.Count == SignaturesMax || !TryReadSignature(lines[range], out var signature))
            {
                return false;
            }

            signatures.Add(signature);
        }

        return true;
    }

    private static bool TryReadSignature(ReadOnlySpan<char> line, out Signature signature)
    {
        signature = default;

        if (!line.StartsWith(LineStart, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = line[LineStart.Length..];
        var space = rest.IndexOf(' ');

        // Five bytes at least: the key id, and something that could be a signature.
        if (space < 0 || !KeyName.IsValid(rest[..space]) || !StrictBase64.TryDecode(rest[(space + 1)..], out var bytes) || bytes.Length < 5)
        {
            return false;
        }

        signature = new Signature(rest[..space].ToString(), BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes[4..]);
        return true;
    }

    private static bool IsText(string text)
    {
        foreach (var c in text)
        {
            if (c < ' ' && c != '\n')
            {
                return false;
            }
        }

        return text.EndsWith('\n');
    }

    private readonly record struct Signature(string Name, uint KeyId, byte[] Bytes);
}
