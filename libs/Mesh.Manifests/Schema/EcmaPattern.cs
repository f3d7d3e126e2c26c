using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Schema;

/// <summary>Compiles an ECMAScript pattern, as JSON Schema writes them, so that it matches in linear time.</summary>
/// <remarks>
/// .NET reads some of the same text differently (<c>$</c> also matches before a last line break, <c>\d</c> takes every script's
/// digits), so the pattern is translated piece by piece. What has no exact or no linear counterpart is refused.
/// </remarks>
internal sealed class EcmaPattern
{
    public const int LengthMax = 512;
    public const int RepeatMax = 1_000;

    // Counted loops are unrolled while matching: x{100} inside y{100} costs 10,000 states.
    public const int SizeMax = 10_000;

    public static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(100);

    private const string LineEnds = @"\n\r\u2028\u2029";
    private const string Spaces = @"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

    private readonly string written;
    private readonly StringBuilder translated = new();
    private readonly Stack<(long Sum, long Last)> groups = new();
    private int next;
    private long sum;
    private long last;
    private string? refusal;

    private EcmaPattern(string written) => this.written = written;

    public static Regex? Compile(string written, out string refusal)
    {
        refusal = string.Empty;

        if (written.Length > LengthMax)
        {
            refusal = $"the pattern is longer than {LengthMax} characters";
            return null;
        }

        var pattern = new EcmaPattern(written);

        if (!pattern.TryTranslate())
        {
            refusal = pattern.refusal!;
            return null;
        }

        try
        {
            return new Regex(pattern.translated.ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, TimeMax);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            refusal = "this pattern cannot be matched in linear time, or is not a pattern";
            return null;
        }
    }

    private bool TryTranslate()
    {
        while (refusal is null && next < written.Length)
        {
            TranslateOne();
        }

        if (refusal is null && groups.Count > 0)
        {
            Refuse("a group is not closed");
        }

        if (refusal is null && sum + last > SizeMax)
        {
            Refuse($"the counted repetitions multiply to more than {SizeMax}");
        }

        return refusal is null;
    }

    private void TranslateOne()
    {
        var c = written[next++];

        switch (c)
        {
            case '\\':
                TranslateEscape();
                break;
            case '[':
                TranslateClass();
                break;
            case '(':
                OpenGroup();
                break;
            case ')':
                CloseGroup();
                break;
            case '.':
                // A pair of surrogates is one character.
                Atom($@"(?:[\ud800-\udbff][\udc00-\udfff]|[^{LineEnds}])");
                break;
            case '$':
                Atom(@"\z");
                break;
            case '*' or '+' or '?':
                Repeat(c.ToString(), 1);
                break;
            case '{':
                TranslateCount();
                break;
            case '|' or '^':
                Atom(c.ToString());
                break;
            case '#' or ' ' or ']' or '}':
                Atom($@"\{c}");
                break;
            default:
                TranslateLiteral(c);
                break;
        }
    }

    private void TranslateLiteral(char c)
    {
        // A quantifier behind a surrogate pair belongs to the pair.
        if (char.IsHighSurrogate(c) && next < written.Length && char.IsLowSurrogate(written[next]))
        {
            Atom($"(?:{c}{written[next++]})");
            return;
        }

        Atom(c.ToString());
    }

    private void OpenGroup()
    {
        if (Rest().StartsWith("?:", StringComparison.Ordinal))
        {
            next += 2;
        }
        else if (Rest().StartsWith('?'))
        {
            var isNamed = Rest().StartsWith("?<", StringComparison.Ordinal) && Rest() is not ['?', '<', '=' or '!', ..];
            var end = isNamed ? written.IndexOf('>', next) : -1;

            if (end < 0 || !written.AsSpan(next + 2, end - next - 2).ToString().All(char.IsAsciiLetter))
            {
                Refuse("looking ahead or behind, and other (?…) forms, are not available: they cannot be matched in linear time");
                return;
            }

            next = end + 1;
        }

        // Nothing reads what a group captured.
        translated.Append("(?:");
        groups.Push((sum, last));
        (sum, last) = (0, 0);
    }

    private void CloseGroup()
    {
        if (!groups.TryPop(out var outer))
        {
            Refuse("a group is closed that was not opened");
            return;
        }

        translated.Append(')');
        var inner = sum + last;
        (sum, last) = (outer.Sum + outer.Last, Math.Max(inner, 1));
    }

    private void TranslateCount()
    {
        var end = written.IndexOf('}', next);
        var parts = end < 0 ? [] : written[next..end].Split(',');

        // Not a count: ECMAScript takes the brace for itself.
        if (parts.Length is 0 or > 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var min)
            || (parts.Length == 2 && parts[1].Length > 0 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            Atom(@"\{");
            return;
        }

        var max = parts.Length == 2 && parts[1].Length > 0 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : min;

        if (min > RepeatMax || max > RepeatMax)
        {
            Refuse($"repeats more than {RepeatMax} times");
            return;
        }

        next = end + 1;
        Repeat($"{{{string.Join(',', parts)}}}", Math.Max(max, 1));
    }

    private void Repeat(string quantifier, int times)
    {
        translated.Append(quantifier);
        last *= times;

        // Lazy or not is the same question when only a match is asked for; .NET reads a second one as an error.
        if (Rest().StartsWith('?'))
        {
            next++;
            translated.Append('?');
        }
    }

    private void TranslateEscape()
    {
        if (TryReadEscape(isInClass: false, out var text))
        {
            Atom(text);
        }
    }

    private void TranslateClass()
    {
        translated.Append('[');
        (sum, last) = (sum + last, 1);

        if (Rest().StartsWith('^'))
        {
            next++;
            translated.Append('^');
        }

        if (Rest().StartsWith(']'))
        {
            Refuse("an empty class [] is not available");
            return;
        }

        while (next < written.Length && written[next] != ']')
        {
            var c = written[next++];

            if (c == '\\')
            {
                if (!TryReadEscape(isInClass: true, out var text))
                {
                    return;
                }

                translated.Append(text);
            }
            else if (char.IsSurrogate(c))
            {
                Refuse("characters beyond U+FFFF are not available inside [ ]");
                return;
            }
            else
            {
                // Unescaped, .NET would take "-[" for a subtraction.
                translated.Append(c == '[' ? @"\[" : c.ToString());
            }
        }

        if (next >= written.Length)
        {
            Refuse("a class is not closed");
            return;
        }

        next++;
        translated.Append(']');
    }

    private bool TryReadEscape(bool isInClass, [NotNullWhen(true)] out string? text)
    {
        text = null;

        if (next >= written.Length)
        {
            return Refuse("ends in a backslash");
        }

        var c = written[next++];

        text = c switch
        {
            'd' => isInClass ? "0-9" : "[0-9]",
            'w' => isInClass ? "A-Za-z0-9_" : "[A-Za-z0-9_]",
            's' => isInClass ? Spaces : $"[{Spaces}]",
            'D' when !isInClass => "[^0-9]",
            'W' when !isInClass => "[^A-Za-z0-9_]",
            'S' when !isInClass => $"[^{Spaces}]",
            't' or 'n' or 'v' or 'f' or 'r' => $@"\{c}",
            '0' when !Rest().StartsWithDigit() => @"\u0000",
            'x' => ReadHex(2),
            'u' => ReadHex(4),
            'p' or 'P' => ReadCategory(c),
            'c' when next < written.Length && char.IsAsciiLetter(written[next]) => $@"\u{written[next++] % 32:x4}",
            _ when char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) && c != '_' => $@"\{c}",
            _ => null,
        };

        return text is not null || Refuse($@"\{c} is not available{(isInClass ? " inside [ ]" : "")}");
    }

    private string? ReadHex(int digits)
    {
        if (next + digits > written.Length || !written.AsSpan(next, digits).ToString().All(char.IsAsciiHexDigit))
        {
            return null;
        }

        var value = int.Parse(written.AsSpan(next, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        next += digits;
        return string.Create(CultureInfo.InvariantCulture, $@"\u{value:x4}");
    }

    private string? ReadCategory(char c)
    {
        var end = written.IndexOf('}', next);

        if (end < 0 || written[next] != '{' || end - next is not (2 or 3))
        {
            return null;
        }

        // Only the short names of general categories mean the same in both.
        var name = written[(next + 1)..end];
        next = end + 1;
        return name.All(char.IsAsciiLetter) ? $@"\{c}{{{name}}}" : null;
    }

    private void Atom(string text)
    {
        translated.Append(text);
        (sum, last) = (sum + last, 1);
    }

    private ReadOnlySpan<char> Rest() => written.AsSpan(next);

    private bool Refuse(string message)
    {
        refusal ??= $"the pattern cannot be used: {message}";
        return false;
    }
}

file static class Digits
{
    public static bool StartsWithDigit(this ReadOnlySpan<char> text) => text.Length > 0 && char.IsAsciiDigit(text[0]);
}
