using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mesh.Integrity;

/// <summary>The signed head of a log (C2SP tlog-checkpoint v1.0.0), without extension lines.</summary>
/// <remarks>A log MUST never sign two checkpoints of which neither is the beginning of the other.</remarks>
/// <param name="Origin">The log's name, a URL without scheme. Its signer MUST have the same name.</param>
/// <param name="Size">How many leaves the tree has.</param>
/// <param name="Root">The root of the tree.</param>
public sealed record Checkpoint(string Origin, long Size, Hash256 Root)
{
    /// <summary>The text that is signed.</summary>
    public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Origin}\n{Size}\n{Root.ToBase64()}\n");

    /// <summary>The checkpoint as a signed note.</summary>
    /// <exception cref="ArgumentException">The signer has another name than the log, or a field cannot be written.</exception>
    public byte[] Sign(NoteSigner signer)
    {
        if (signer.Name != Origin || Size < 0)
        {
            throw new ArgumentException($"A checkpoint of '{Origin}' is signed by its log, and has a size.", nameof(signer));
        }

        return SignedNote.Sign(ToText(), signer);
    }

    /// <summary>Reads what <see cref="ToText"/> writes. Nothing is proven by it: for signed notes use <see cref="TryVerify"/>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        checkpoint = null;

        if (text.Split('\n') is not [var origin, var size, var root, ""]
            || !KeyName.IsValid(origin)
            || !long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var leaves)
            || !Hash256.TryParseBase64(root, out var hash))
        {
            return false;
        }

        var read = new Checkpoint(origin, leaves, hash);

        // One checkpoint, one text: leading zeros and the like do not survive this.
        checkpoint = read.ToText() == text ? read : null;
        return checkpoint is not null;
    }

    /// <summary>Reads a checkpoint that its own log signed. Never throws.</summary>
    public static bool TryVerify(ReadOnlySpan<byte> note, IReadOnlyList<NoteVerifier> verifiers, [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        checkpoint = null;

        if (!SignedNote.TryOpen(note, verifiers, out var text, out var signer, out _) || !TryParse(text, out var read) || read.Origin != signer)
        {
            return false;
        }

        checkpoint = read;
        return true;
    }
}
