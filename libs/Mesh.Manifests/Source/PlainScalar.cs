using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Source;

/// <summary>Decides what an unquoted YAML scalar is.</summary>
/// <remarks>
/// Only the forms that JSON has too become numbers, booleans and null. What YAML versions read differently
/// (<c>NO</c>, <c>yes</c>, <c>1e3</c>) is a string, and what YAML 1.2 would turn into something else than a string
/// (<c>True</c>, <c>0x1F</c>, <c>007</c>) is refused, so that no two readers see two manifests.
/// </remarks>
internal static partial class PlainScalar
{
    // Beyond this a double, and so canonical JSON, cannot hold every integer.
    public const long WholeMax = 9_007_199_254_740_991;

    public static Node? Read(string text, int line, int column, out string refusal)
    {
        refusal = string.Empty;

        switch (text)
        {
            case "" or "null":
                return new NullNode(line, column);
            case "true" or "false":
                return new FlagNode(text == "true", line, column);
        }

        if (Whole().IsMatch(text))
        {
            if (text != "-0" && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                && Math.Abs(whole) <= WholeMax)
            {
                return new WholeNode(whole, line, column);
            }

            refusal = $"the integer {Shortened(text)} is outside ±{WholeMax}; quote it if it is a string";
            return null;
        }

        if (Fraction().IsMatch(text))
        {
            // 15 significant digits survive the way through a double; more would change silently.
            var digits = text.Count(char.IsAsciiDigit);

            if (digits <= 15 && double.Parse(text, CultureInfo.InvariantCulture) is var number && number != 0)
            {
                return new FractionNode(number, line, column);
            }

            refusal = $"the number {Shortened(text)} has more than 15 digits or is a zero with a fraction; quote it if it is a string";
            return null;
        }

        if (Ambiguous().IsMatch(text))
        {
            refusal = $"{Shortened(text)} is read differently by different YAML readers; quote it if it is a string, else write it as JSON would";
            return null;
        }

        return new TextNode(text, line, column);
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : $"{text.AsSpan(0, 40)}…";

    [GeneratedRegex(@"\A-?(0|[1-9][0-9]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A-?(0|[1-9][0-9]*)\.[0-9]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Fraction();

    [GeneratedRegex(
        @"\A(~|Null|NULL|True|TRUE|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Ambiguous();
}
