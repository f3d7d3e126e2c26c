using System.Globalization;

namespace Mesh.Cli.Output;

/// <summary>How items of one type are shown to people: a column each for what matters, and the one that names an item.</summary>
internal sealed record Table<T>(Func<T, string> NameOf, params IReadOnlyList<Table<T>.Column> Columns)
{
    public void Write(TextWriter to, IReadOnlyCollection<T> items)
    {
        var rows = items.Select(item => Columns.Select(column => OneLine(column.Text(item))).ToArray()).ToList();
        rows.Insert(0, [.. Columns.Select(column => column.Header.ToUpperInvariant())]);
        var widths = Columns.Select((_, index) => rows.Max(row => WidthOf(row[index]))).ToArray();
        foreach (var row in rows)
        {
            var cells = row.Select((cell, index) => cell + new string(' ', widths[index] - WidthOf(cell)));
            to.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    // A person's text must neither break the table nor speak to the terminal.
    private static string OneLine(string text) =>
        string.Concat(text.Select(sign => char.IsControl(sign) ? ' ' : sign));

    private static int WidthOf(string text) => new StringInfo(text).LengthInTextElements;

    /// <summary>One column.</summary>
    internal sealed record Column(string Header, Func<T, string> Text);
}
