using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;

namespace EndToEnd.Tests.Fixture;

/// <summary>A value that is planted in one place, and every form in which it could turn up in another.</summary>
public sealed class Canary
{
    private readonly IReadOnlyList<(string Form, byte[] Bytes)> forms;
    private readonly SearchValues<string> any;

    public Canary(string value)
    {
        Value = value;
        forms =
        [
            .. Spellings(value).DistinctBy(each => each.Text).Select(each => (each.Form, Encoding.UTF8.GetBytes(each.Text))),
            ("UTF-16", Encoding.Unicode.GetBytes(value)),
        ];
        any = SearchValues.Create([.. forms.Select(form => Encoding.Latin1.GetString(form.Bytes))], StringComparison.Ordinal);
    }

    public string Value { get; }

    /// <summary>The forms in which it is in there; also inside of what is written in hex, as PostgreSQL writes bytes.</summary>
    public IEnumerable<string> FormsIn(ReadOnlySpan<byte> content)
    {
        var found = new List<string>();

        if (!HasAny(content))
        {
            return found;
        }

        foreach (var (form, bytes) in forms)
        {
            if (content.IndexOf(bytes) >= 0)
            {
                found.Add(form);
            }
        }

        return found;
    }

    // All forms in one pass: memories and files of a mesh are hundreds of megabytes, and have none of them.
    private bool HasAny(ReadOnlySpan<byte> content)
    {
        var text = ArrayPool<char>.Shared.Rent(content.Length);

        try
        {
            return text.AsSpan(0, Encoding.Latin1.GetChars(content, text)).ContainsAny(any);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(text);
        }
    }

    private static IEnumerable<(string Form, string Text)> Spellings(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        var hex = Convert.ToHexStringLower(bytes);
        yield return ("raw", value);
        yield return ("hex", hex);
        yield return ("HEX", hex.ToUpperInvariant());
        yield return ("URL-encoded", Uri.EscapeDataString(value));
        yield return ("form-encoded", WebUtility.UrlEncode(value));
        yield return ("in JSON", JavaScriptEncoder.Default.Encode(value));
        yield return ("in relaxed JSON", JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(value));

        for (var before = 0; before < 3; before++)
        {
            // What the neighbours change is cut off on both sides: what is left stands in every text around it.
            var text = Convert.ToBase64String([.. new byte[before], .. bytes]);
            var inner = text[((before * 8) + 5) / 6 is var first ? first..((before + bytes.Length) * 8 / 6) : ..];
            yield return ($"base64 at {before}", inner);
            yield return ($"base64url at {before}", inner.Replace('+', '-').Replace('/', '_'));
            yield return ($"base64 at {before} in JSON", JavaScriptEncoder.Default.Encode(inner));
            yield return ($"hex of base64 at {before}", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(inner)));
        }

        yield return ("hex of URL-encoded", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(Uri.EscapeDataString(value))));
        yield return ("hex of JSON", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(JavaScriptEncoder.Default.Encode(value))));
        yield return ("hex of hex", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(hex)));
    }
}
