using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Mesh.Cli.Output;

/// <summary>Times and lengths of time as people read them.</summary>
internal static class Told
{
    public static string Time(Timestamp? time) =>
        time is null ? "-" : time.ToDateTimeOffset().ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Two units at most: <c>312 ms</c>, <c>4.2 s</c>, <c>2 min 5 s</c>, <c>1 d 4 h</c>.</summary>
    public static string Length(TimeSpan length)
    {
        var invariant = CultureInfo.InvariantCulture;
        return length switch
        {
            { TotalMilliseconds: < 10 } => string.Create(invariant, $"{length.TotalMilliseconds:0.#} ms"),
            { TotalMilliseconds: < 1_000 } => string.Create(invariant, $"{length.TotalMilliseconds:0} ms"),
            { TotalSeconds: < 60 } => string.Create(invariant, $"{length.TotalSeconds:0.0} s"),
            { TotalMinutes: < 60 } => Pair((int)length.TotalMinutes, "min", length.Seconds, "s"),
            { TotalHours: < 24 } => Pair((int)length.TotalHours, "h", length.Minutes, "min"),
            _ => Pair((int)length.TotalDays, "d", length.Hours, "h"),
        };
    }

    /// <summary>A text of another's making, safe for a terminal and for one line.</summary>
    public static string OneLine(string text) =>
        string.Concat(text.Select(sign => char.IsControl(sign) ? ' ' : sign));

    public static string Cut(string text, int lengthMax) =>
        text.Length <= lengthMax ? text : string.Concat(text.AsSpan(0, lengthMax - 1), "…");

    private static string Pair(int many, string unit, int few, string part) =>
        few == 0 ? $"{many} {unit}" : $"{many} {unit} {few} {part}";
}
