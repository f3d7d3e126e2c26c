using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace Mesh.Cli.Output;

/// <summary>Prints answers in the form that was asked for. JSON has the names of the proto's JSON mapping.</summary>
internal sealed class Printer(OutputForm form, TextWriter to)
{
    private static readonly JsonFormatter Wire = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    // Read by people and jq, never by a browser: a quote is \" and not \u0022.
    private static readonly JsonSerializerOptions OneLine = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Indented = new(OneLine) { WriteIndented = true };

    public OutputForm Form => form;

    /// <summary>For text beside the answer: printed for people only, so that a script reads nothing but the answer.</summary>
    public TextWriter Beside => form == OutputForm.Table ? to : TextWriter.Null;

    /// <summary>JSON for people, over as many lines as it wants.</summary>
    public static string Lines(JsonNode json) => json.ToJsonString(Indented);

    public static JsonNode Json(IMessage message) => JsonNode.Parse(Wire.Format(message))!;

    public void PrintList<T>(IReadOnlyCollection<T> items, Table<T> table)
        where T : IMessage
    {
        switch (form)
        {
            case OutputForm.Json:
                to.WriteLine(Lines(new JsonArray([.. items.Select(item => Json(item))])));
                break;
            case OutputForm.Yaml:
                Yaml.Write(to, new JsonArray([.. items.Select(item => Json(item))]));
                break;
            case OutputForm.Table when items.Count == 0:
                to.WriteLine("none");
                break;
            case OutputForm.Table:
                table.Write(to, items);
                break;
            default:
                foreach (var item in items)
                {
                    PrintLine(item, table);
                }

                break;
        }
    }

    /// <summary>One item of an answer that goes on: a line at once in every form.</summary>
    public void PrintLine<T>(T item, Table<T> table)
        where T : IMessage
    {
        if (form == OutputForm.Yaml)
        {
            // A document each: a list would end only with the command.
            to.WriteLine("---");
            Yaml.Write(to, Json(item));
            to.Flush();
            return;
        }

        to.WriteLine(form switch
        {
            OutputForm.Json or OutputForm.Jsonl => Json(item).ToJsonString(OneLine),
            OutputForm.Name => table.NameOf(item),
            _ => string.Join("  ", table.Columns.Select(column => column.Text(item))),
        });
        to.Flush();
    }

    /// <summary>One thing: as JSON, as its name, or as people read it.</summary>
    public void Print<T>(T item, Func<T, string> nameOf, Action<TextWriter, T> write)
        where T : IMessage => Print(Json(item), nameOf(item), text => write(text, item));

    /// <summary>An answer that no proto describes. <paramref name="json"/> is camelCase, as the protos are.</summary>
    public void Print(JsonNode json, string name, Action<TextWriter> write)
    {
        switch (form)
        {
            case OutputForm.Json:
                to.WriteLine(Lines(json));
                break;
            case OutputForm.Jsonl:
                to.WriteLine(json.ToJsonString(OneLine));
                break;
            case OutputForm.Yaml:
                Yaml.Write(to, json);
                break;
            case OutputForm.Name:
                to.WriteLine(name);
                break;
            default:
                write(to);
                break;
        }
    }
}
