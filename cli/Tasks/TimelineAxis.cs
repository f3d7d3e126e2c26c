using System.Collections.Immutable;

namespace Mesh.Cli.Tasks;

/// <summary>Where a moment stands in a line of so many columns. Long stretches without work are cut out.</summary>
internal sealed class TimelineAxis
{
    public const int BreakColumns = 3;

    // A line of a terminal is short, so it is cut earlier than a drawing on a page: a pause of a second is a break too.
    private static readonly TimeSpan BreakAtLeast = TimeSpan.FromMilliseconds(250);
    private const double BreakShareOfTotal = 0.1;

    private readonly int columns;
    private readonly TimeSpan total;
    private readonly TimeSpan shown;

    private TimelineAxis(int columns, TimeSpan total, ImmutableArray<Break> breaks)
    {
        this.columns = columns;
        this.total = total;
        Breaks = breaks;
        shown = total - breaks.Aggregate(TimeSpan.Zero, (sum, one) => sum + one.Length);
    }

    public ImmutableArray<Break> Breaks { get; }

    /// <param name="columns">How wide the drawing is.</param>
    /// <param name="total">What it is wide for.</param>
    /// <param name="work">The stretches in which somebody worked.</param>
    public static TimelineAxis Of(int columns, TimeSpan total, IEnumerable<(TimeSpan From, TimeSpan To)> work)
    {
        var atLeast = TimeSpan.FromTicks(Math.Max(BreakAtLeast.Ticks, (long)(total.Ticks * BreakShareOfTotal)));
        var breaks = ImmutableArray.CreateBuilder<Break>();
        var end = TimeSpan.Zero;
        foreach (var (from, to) in work.Append((From: total, To: total)).OrderBy(stretch => stretch.From))
        {
            if (from - end >= atLeast)
            {
                breaks.Add(new Break(end, from - end));
            }

            end = to > end ? to : end;
        }

        return new TimelineAxis(columns, total, breaks.ToImmutable());
    }

    /// <summary>The column of a moment, from 0 to the number of columns.</summary>
    public int ColumnOf(TimeSpan moment)
    {
        if (moment >= total)
        {
            return columns;
        }

        var workColumns = columns - (Breaks.Length * BreakColumns);
        var (cutOut, column) = (TimeSpan.Zero, 0);
        foreach (var one in Breaks)
        {
            if (moment < one.From + one.Length)
            {
                // Inside of a break, it stands in the middle of it.
                var start = column + Scale(one.From - cutOut);
                return moment <= one.From ? column + Scale(moment - cutOut) : start + (BreakColumns / 2);
            }

            cutOut += one.Length;
            column += BreakColumns;
        }

        return column + Scale(moment - cutOut);

        int Scale(TimeSpan length) => shown <= TimeSpan.Zero ? 0 : (int)(Math.Max(workColumns, 1) * (length / shown));
    }

    /// <summary>A stretch that is cut out.</summary>
    internal readonly record struct Break(TimeSpan From, TimeSpan Length);
}
