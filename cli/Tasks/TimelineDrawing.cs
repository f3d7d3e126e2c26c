using System.Globalization;
using Mesh.Cli.Output;

namespace Mesh.Cli.Tasks;

/// <summary>The timeline of a task as text: a row per stretch, its name, what it was about, how it ended, a bar, its time.</summary>
internal static class TimelineDrawing
{
    private const int BarColumns = 40;
    private const int NameColumns = 14;
    private const int TextColumnsMax = 26;
    private const string AgentRow = "agent.dispatch";

    public static void Write(TextWriter to, Orchestrator.V1.GetTaskTimelineResponse timeline)
    {
        var total = timeline.Total?.ToTimeSpan() ?? TimeSpan.Zero;
        var waiting = timeline.Waiting?.ToTimeSpan() ?? TimeSpan.Zero;
        var rows = timeline.Rows.Select(Row.Of).ToList();
        var subjectColumns = WidthOf(rows.Select(row => row.Subject));
        var outcomeColumns = WidthOf(rows.Select(row => row.Outcome));
        var indent = 1 + NameColumns + 1 + subjectColumns + 2 + outcomeColumns + 2;
        var width = indent + 1 + BarColumns + 1 + 9;

        WriteHeader(to, timeline.Task, rows, total, waiting, width);
        if (rows.Count == 0)
        {
            return;
        }

        var axis = TimelineAxis.Of(BarColumns, total, rows.Where(row => !row.IsWaiting).Select(row => (row.From, row.To)));
        var attempt = rows[0].Attempt;
        foreach (var row in rows)
        {
            // What the earlier attempt began may be recorded in the later one; the later one begins with its agent.
            if (row.Attempt > attempt && row.Name == AgentRow)
            {
                attempt = row.Attempt;
                to.WriteLine($" attempt {attempt}");
            }

            var bar = Bar(axis, row);
            to.WriteLine($" {row.Name,-NameColumns} {row.Subject.PadRight(subjectColumns)}  {row.Outcome.PadRight(outcomeColumns)}  |{bar}| {Milliseconds(row.To - row.From),8}");
        }

        var end = Told.Length(total);
        to.WriteLine($"{new string(' ', indent)} 0 ms{end.PadLeft(BarColumns - 4)}");
        foreach (var one in axis.Breaks)
        {
            to.WriteLine($"{new string(' ', indent)} // {Told.Length(one.Length)} in which nothing was done");
        }
    }

    private static void WriteHeader(
        TextWriter to, Orchestrator.V1.AgentTask? task, List<Row> rows, TimeSpan total, TimeSpan waiting, int width)
    {
        var started = task?.CreatedAt?.ToDateTimeOffset().ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture) ?? "-";
        var left = task is null
            ? "task"
            : $"{Told.OneLine(task.Workflow)} {ShortId.Of(task.Id)}  started {started} · attempt {Math.Max(1, rows.Count == 0 ? task.Attempt : rows.Max(row => row.Attempt))} · {TaskView.StateOf(task)}";
        var right = waiting > TimeSpan.Zero
            ? $"{Told.Length(total - waiting)} work · {Told.Length(waiting)} waiting"
            : Told.Length(total);
        to.WriteLine(left + right.PadLeft(Math.Max(width - left.Length, right.Length + 2)));
    }

    private static string Bar(TimelineAxis axis, Row row)
    {
        var bar = new char[BarColumns];
        Array.Fill(bar, ' ');
        foreach (var one in axis.Breaks)
        {
            var middle = axis.ColumnOf(one.From + (one.Length / 2));
            (bar[middle - 1], bar[middle]) = ('/', '/');
        }

        var from = Math.Min(axis.ColumnOf(row.From), BarColumns - 1);
        if (row.To == row.From)
        {
            bar[from] = '◆';
            return new string(bar);
        }

        // Nothing that took time is invisible.
        var to = Math.Max(axis.ColumnOf(row.To), from + 1);
        for (var column = from; column < to; column++)
        {
            bar[column] = row.IsWaiting && bar[column] == '/' ? '/' : row.IsWaiting ? '·' : '#';
        }

        return new string(bar);
    }

    private static string Milliseconds(TimeSpan length) => length.TotalMilliseconds switch
    {
        0 => "0",
        < 10 and var few => few.ToString("0.0", CultureInfo.InvariantCulture),
        var many => many.ToString("#,0", CultureInfo.InvariantCulture),
    };

    private static int WidthOf(IEnumerable<string> texts) => texts.Select(text => text.Length).DefaultIfEmpty(0).Max();

    private sealed record Row(string Name, string Subject, string Outcome, TimeSpan From, TimeSpan To, bool IsWaiting, int Attempt)
    {
        public static Row Of(Orchestrator.V1.TimelineRow row)
        {
            var from = row.Offset?.ToTimeSpan() ?? TimeSpan.Zero;
            return new Row(
                Told.OneLine(row.Name),
                Text(row.Subject),
                Text(row.Outcome),
                from,
                from + (row.Duration?.ToTimeSpan() ?? TimeSpan.Zero),
                row.Waiting,
                row.Attempt);
        }

        private static string Text(string text) => Told.Cut(ShortId.InText(Told.OneLine(text)), TextColumnsMax);
    }
}
