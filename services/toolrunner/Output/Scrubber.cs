using System.Buffers;
using System.Text;

namespace Mesh.Toolrunner.Output;

/// <summary>Takes a credential out of whatever a target sent back.</summary>
/// <remarks>
/// It finds the value as it is, in base64 (each alignment, both alphabets), in hex (both cases) and in UTF-16, and each of
/// these also where single characters are written as JSON escapes, as percent escapes or as HTML references. It looks at
/// the whole answer at once, so no border between two reads can hide anything. Nothing that a target writes makes it slow:
/// <see cref="Needles"/> says what the work is bounded by.
/// </remarks>
internal sealed class Scrubber : IDisposable
{
    // Shorter stretches of base64 are found everywhere by chance and say next to nothing.
    private const int CoreLengthMin = 4;

    private readonly List<Needle> forms = [];
    private readonly Needles needles;

    /// <param name="values">The credential, and the forms in which it was sent.</param>
    public Scrubber(params ReadOnlySpan<byte[]> values)
    {
        foreach (var value in values)
        {
            if (value.Length > 0)
            {
                AddForms(value);
            }
        }

        needles = new Needles(forms);
    }

    private static ReadOnlySpan<byte> Mask => "[credential]"u8;

    /// <summary>The text without the credential, and how often it was there.</summary>
    public (byte[] Clean, int Found) Scrub(byte[] text)
    {
        if (forms.Count == 0 || needles.FindIn(text) is not { Count: > 0 } found)
        {
            return (text, 0);
        }

        var clean = new ArrayBufferWriter<byte>(text.Length);
        var copied = 0;

        foreach (var (from, to) in found)
        {
            clean.Write(text.AsSpan(copied, from - copied));
            clean.Write(Mask);
            copied = to;
        }

        clean.Write(text.AsSpan(copied));
        return (clean.WrittenSpan.ToArray(), found.Count);
    }

    /// <summary>Erases the forms of the credential.</summary>
    public void Dispose()
    {
        foreach (var form in forms)
        {
            Array.Clear(form.Bytes);
        }

        forms.Clear();
        needles.Erase();
    }

    private void AddForms(byte[] value)
    {
        // A copy: the caller erases its own.
        Add([.. value], isAnyCase: false, isWrapped: false);
        Add(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(value)), isAnyCase: true, isWrapped: true);

        for (var before = 0; before < 3; before++)
        {
            AddBase64(value, before);
        }

        // As text of two bytes a character.
        var text = Encoding.UTF8.GetString(value);
        Add(Encoding.Unicode.GetBytes(text), isAnyCase: false, isWrapped: false);
        Add(Encoding.BigEndianUnicode.GetBytes(text), isAnyCase: false, isWrapped: false);
    }

    // The digits that depend on the value alone, when this many unknown bytes stand before it.
    private void AddBase64(byte[] value, int before)
    {
        var padded = new byte[before + value.Length];
        value.CopyTo(padded, before);
        var digits = Convert.ToBase64String(padded);
        var from = ((before * 8) + 5) / 6;
        var to = padded.Length * 8 / 6;

        if (to - from >= CoreLengthMin)
        {
            var core = digits[from..to];
            Add(Encoding.ASCII.GetBytes(core), isAnyCase: false, isWrapped: true);
            Add(Encoding.ASCII.GetBytes(core.Replace('+', '-').Replace('/', '_')), isAnyCase: false, isWrapped: true);
        }

        Array.Clear(padded);
    }

    private void Add(byte[] bytes, bool isAnyCase, bool isWrapped)
    {
        if (bytes.Length > 0 && !forms.Any(form => form.Bytes.AsSpan().SequenceEqual(bytes)))
        {
            forms.Add(new Needle(bytes, isAnyCase, isWrapped));
        }
    }
}
