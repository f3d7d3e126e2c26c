using System.Text.Json.Serialization;

namespace Mesh.Bench;

/// <summary>One line of the report. What does not apply is left out.</summary>
internal sealed record Figure(string Name)
{
    /// <summary>When a part of a task begins, counted from the task's own beginning: the median.</summary>
    public double? AtMs { get; init; }

    public double? P50Ms { get; init; }

    public double? P99Ms { get; init; }

    public double? PerS { get; init; }

    /// <summary>A figure that is neither a time nor a rate, in the unit that its name says.</summary>
    public double? Value { get; init; }

    /// <summary>What the same machine does at best, measured in the same run.</summary>
    public double? Floor { get; init; }

    /// <summary>What the floor is.</summary>
    public string? FloorOf { get; init; }

    /// <summary>The figure over its floor.</summary>
    public double? Ratio { get; init; }

    /// <summary>In terms of the names above: <c>p50_ms &lt;= 15</c>.</summary>
    public string? Target { get; init; }

    public bool? Met { get; init; }

    public static Figure Times(string name, IReadOnlyList<double> milliseconds)
    {
        var sorted = milliseconds.Order().ToArray();

        return new Figure(name) { P50Ms = At(sorted, 50), P99Ms = At(sorted, 99) };
    }

    private static double At(double[] sorted, int percent) => sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
}

/// <summary>The whole report, as <c>-o json</c> prints it.</summary>
internal sealed record Report(IReadOnlyDictionary<string, string> Machine, IReadOnlyList<Figure> Figures);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
