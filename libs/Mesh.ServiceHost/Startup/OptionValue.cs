using System.Globalization;
using System.Net;

namespace Mesh.ServiceHost;

/// <summary>Turns the text of an option into its type, or says in words what the type wants.</summary>
internal static class OptionValue
{
    public static bool TryParse(Type type, string text, out object? value, out string wants)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        (value, wants) = Parse(type, text.Trim());
        return value is not null;
    }

    public static string Describe(object? value) => value switch
    {
        null => "none",
        TimeSpan span => Describe(span),
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture).ToLowerInvariant(),
        _ => value.ToString() ?? "none",
    };

    private static (object? Value, string Wants) Parse(Type type, string text)
    {
        if (type == typeof(string))
        {
            return (text.Length > 0 ? text : null, "must not be empty");
        }

        if (type == typeof(int))
        {
            return (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null, "must be a whole number");
        }

        if (type == typeof(long))
        {
            return (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null, "must be a whole number");
        }

        if (type == typeof(bool))
        {
            return (text switch { "true" or "1" => true, "false" or "0" => false, _ => null }, "must be true or false");
        }

        if (type == typeof(TimeSpan))
        {
            return (ParseSpan(text), "must be a duration such as 500ms, 10s, 5m or 24h");
        }

        if (type == typeof(IPEndPoint))
        {
            return (ParseEndpoint(text), "must be an IP address and a port, such as 127.0.0.1:7310");
        }

        if (type == typeof(Uri))
        {
            return (Uri.TryCreate(text, UriKind.Absolute, out var uri) ? uri : null, "must be an absolute URL");
        }

        if (type.IsEnum)
        {
            var names = string.Join(", ", Enum.GetNames(type)).ToLowerInvariant();
            var known = !char.IsAsciiDigit(text.FirstOrDefault('0')) && Enum.TryParse(type, text, ignoreCase: true, out var parsed) ? parsed : null;
            return (known, $"must be one of {names}");
        }

        throw new NotSupportedException($"An option cannot have the type {type.Name}.");
    }

    // IPEndPoint takes an address without a port and reads it as port 0, which here means any port: ask for the colon.
    private static IPEndPoint? ParseEndpoint(string text)
    {
        text = text.StartsWith("localhost:", StringComparison.Ordinal) ? "127.0.0.1" + text["localhost".Length..] : text;
        var hasPort = text.StartsWith('[') ? text.Contains("]:", StringComparison.Ordinal) : text.Count(c => c == ':') == 1;
        return hasPort && IPEndPoint.TryParse(text, out var endpoint) ? endpoint : null;
    }

    private static TimeSpan? ParseSpan(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();

        if (digits is 0 or > 9)
        {
            return null;
        }

        var amount = int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        return text[digits..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(amount),
            "s" => TimeSpan.FromSeconds(amount),
            "m" => TimeSpan.FromMinutes(amount),
            "h" => TimeSpan.FromHours(amount),
            "d" => TimeSpan.FromDays(amount),
            _ => null,
        };
    }

    private static string Describe(TimeSpan span) => span switch
    {
        { Ticks: 0 } => "0s",
        _ when span.Ticks % TimeSpan.TicksPerDay == 0 => $"{span.Days}d",
        _ when span.Ticks % TimeSpan.TicksPerHour == 0 => $"{(long)span.TotalHours}h",
        _ when span.Ticks % TimeSpan.TicksPerMinute == 0 => $"{(long)span.TotalMinutes}m",
        _ when span.Ticks % TimeSpan.TicksPerSecond == 0 => $"{(long)span.TotalSeconds}s",
        _ => $"{(long)span.TotalMilliseconds}ms",
    };
}
