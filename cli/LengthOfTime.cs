using System.CommandLine;
using System.Globalization;

namespace Mesh.Cli;

/// <summary>Lengths of time as they are typed: <c>30</c> (seconds), <c>90s</c>, <c>5m</c>, <c>2h</c>, <c>7d</c>.</summary>
internal static class LengthOfTime
{
    private const double DaysMax = 3_650;

    public static Option<TimeSpan?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "30s|5m|2h|7d",
        CustomParser = result =>
        {
            if (TryParse(result.Tokens.Single().Value, out var length))
            {
                return length;
            }

            result.AddError($"{name} must be a length of time above 0 such as 30s, 5m, 2h or 7d.");
            return null;
        },
    };

    public static bool TryParse(string text, out TimeSpan length)
    {
        length = default;
        var unit = text.Length > 0 ? text[^1] : ' ';
        var (digits, seconds) = unit switch
        {
            's' => (text[..^1], 1d),
            'm' => (text[..^1], 60d),
            'h' => (text[..^1], 3_600d),
            'd' => (text[..^1], 86_400d),
            _ => (text, 1d),
        };
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number <= 0 || number * seconds > DaysMax * 86_400)
        {
            return false;
        }

        length = TimeSpan.FromSeconds(number * seconds);
        return true;
    }
}
