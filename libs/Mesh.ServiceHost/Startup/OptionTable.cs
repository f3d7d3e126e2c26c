using System.Collections;
using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text;

namespace Mesh.ServiceHost;

/// <summary>All options of one service: what its records declare, what outside says, and whether that fits.</summary>
internal sealed class OptionTable
{
    private readonly string service;
    private readonly ImmutableArray<Type> records;
    private readonly ImmutableArray<Row> rows;

    public OptionTable(string service, params IEnumerable<Type> records)
    {
        this.service = service;
        this.records = [.. records];
        rows = [.. this.records.SelectMany(RowsOf)];

        var twice = rows.GroupBy(row => row.Option.Name).FirstOrDefault(group => group.Count() > 1);

        if (twice is not null)
        {
            throw new InvalidOperationException($"The option {twice.Key} is declared twice.");
        }
    }

    public OptionsReading Read(IDictionary environment, IReadOnlyList<string> arguments)
    {
        if (arguments.Any(argument => argument is "--help" or "-h"))
        {
            return new OptionsReading.Help(HelpText());
        }

        var lines = ImmutableArray.CreateBuilder<string>();
        var said = ReadArguments(arguments, lines);
        var values = records.ToDictionary(type => type, type => Activator.CreateInstance(type)!);

        foreach (var row in rows)
        {
            Bind(row, said, environment, values[row.Property.DeclaringType!], lines);
        }

        return lines.Count > 0
            ? new OptionsReading.Refused(lines.ToImmutable())
            : new OptionsReading.Bound(values.ToImmutableDictionary());
    }

    public string HelpText()
    {
        var text = new StringBuilder();
        text.Append($"mesh {service}: one service of a mesh. Options come from the command line, else from the environment,\n");
        text.Append("else from the file that VARIABLE_FILE names.\n");

        foreach (var row in rows)
        {
            var fallback = row.Option.Required ? "required" : $"default {OptionValue.Describe(row.Default)}";
            var bounds = row.Range is { } range ? $", {OptionValue.Describe(range.Minimum)} to {OptionValue.Describe(range.Maximum)}" : "";
            text.Append($"\n  --{row.Option.Name}, {row.Option.Variable} ({fallback}{bounds})\n      {row.Option.Sentence}\n");
        }

        text.Append($"\n  {Probe.Verb}\n      {Probe.Sentence}\n");
        text.Append("\n  --help\n      Print this and exit.\n");
        return text.ToString();
    }

    private Dictionary<string, string> ReadArguments(IReadOnlyList<string> arguments, ImmutableArray<string>.Builder lines)
    {
        var said = new Dictionary<string, string>();

        for (var i = 0; i < arguments.Count; i++)
        {
            var parts = arguments[i].Split('=', 2);

            if (!parts[0].StartsWith("--", StringComparison.Ordinal) || rows.All(row => "--" + row.Option.Name != parts[0]))
            {
                // The text itself is not repeated: it may be half of a connection string.
                lines.Add($"argument {i + 1} is not an option of {service}; --help lists them");
                continue;
            }

            if (parts.Length == 1 && i + 1 >= arguments.Count)
            {
                lines.Add($"{parts[0]} needs a value");
                continue;
            }

            if (!said.TryAdd(parts[0][2..], parts.Length == 2 ? parts[1] : arguments[++i]))
            {
                lines.Add($"{parts[0]} is given twice");
            }
        }

        return said;
    }

    private static void Bind(Row row, Dictionary<string, string> said, IDictionary environment, object record, ImmutableArray<string>.Builder lines)
    {
        var name = $"{row.Option.Variable} (--{row.Option.Name})";

        if (!TryFind(row, said, environment, out var text, out var trouble))
        {
            if (trouble is not null)
            {
                lines.Add($"{name} {trouble}");
            }
            else if (row.Option.Required)
            {
                lines.Add($"{name} is required: {row.Option.Sentence}");
            }

            return;
        }

        if (!OptionValue.TryParse(row.Property.PropertyType, text, out var value, out var wants))
        {
            lines.Add($"{name} {wants}{Quote(row, text)}");
        }
        else if (row.Range is { } range && !range.IsValid(value))
        {
            lines.Add($"{name} must be between {OptionValue.Describe(range.Minimum)} and {OptionValue.Describe(range.Maximum)}{Quote(row, text)}");
        }
        else
        {
            row.Property.SetValue(record, value);
        }
    }

    private static bool TryFind(Row row, Dictionary<string, string> said, IDictionary environment, out string text, out string? trouble)
    {
        trouble = null;

        if (said.TryGetValue(row.Option.Name, out text!))
        {
            return true;
        }

        var direct = environment[row.Option.Variable] as string;
        var file = environment[row.Option.Variable + "_FILE"] as string;
        text = direct ?? "";

        if (string.IsNullOrEmpty(file))
        {
            return !string.IsNullOrEmpty(direct);
        }

        if (!string.IsNullOrEmpty(direct))
        {
            trouble = $"and {row.Option.Variable}_FILE are both set; set one";
            return false;
        }

        try
        {
            text = File.ReadAllText(file).TrimEnd('\r', '\n');
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            trouble = $"cannot be read from the file {file} that {row.Option.Variable}_FILE names";
            return false;
        }
    }

    private static string Quote(Row row, string text) => row.Option.IsSecret ? "" : $", not '{text}'";

    private static IEnumerable<Row> RowsOf(Type record)
    {
        var defaults = Activator.CreateInstance(record)!;

        foreach (var property in record.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            // Every public property is an option: one that nobody can set would lie to the reader of the record.
            if (property.SetMethod is not null)
            {
                var option = property.GetCustomAttribute<OptionAttribute>()
                    ?? throw new InvalidOperationException($"{record.Name}.{property.Name} has no [Option].");
                var range = property.GetCustomAttribute<RangeAttribute>();

                // Also turns the texts of a range of durations into durations, which it does on first use.
                if (range?.IsValid(property.GetValue(defaults)) == false)
                {
                    throw new InvalidOperationException($"The default of {record.Name}.{property.Name} is outside of its own range.");
                }

                yield return new Row(option, property, range, property.GetValue(defaults));
            }
        }
    }

    private sealed record Row(OptionAttribute Option, PropertyInfo Property, RangeAttribute? Range, object? Default);
}
