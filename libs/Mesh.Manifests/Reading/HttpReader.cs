using Mesh.Manifests.Kinds;
using Mesh.Manifests.Source;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the request of a tool and of its probe.</summary>
internal static class HttpReader
{
    private const TemplateRoots Roots = TemplateRoots.Input | TemplateRoots.IdempotencyKey;

    private static readonly Dictionary<string, int> Methods =
        new(StringComparer.Ordinal) { ["GET"] = 0, ["HEAD"] = 0, ["POST"] = 1, ["PUT"] = 1, ["PATCH"] = 1, ["DELETE"] = 1 };

    private static readonly Dictionary<string, int> ProbeMethods = new(StringComparer.Ordinal) { ["GET"] = 0, ["HEAD"] = 0 };

    // They belong to the connection, or say who is asking; a manifest that set one could split a request or pose as another.
    private static readonly HashSet<string> ReservedHeaders = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
        "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection", "Content-Type", "Content-Encoding",
    };

    public static HttpCall? Read(Fields? fields)
    {
        if (fields is null)
        {
            return null;
        }

        var method = Method(fields, Methods);
        var path = Path(fields);
        var query = Named(fields, "query", QueryError);
        var headers = Named(fields, "headers", HeaderError);
        var body = Json(fields, "body", Roots);

        if (body is not null && method is "GET" or "HEAD" && fields.Has("body"))
        {
            fields.Refuse("body", $"{method} requests have no body");
        }

        fields.Close();
        return path is null ? null : new HttpCall(method, path, query, headers, body);
    }

    public static ReconcileProbe? ReadProbe(Fields? fields)
    {
        if (fields is null)
        {
            return null;
        }

        var http = fields.RequiredMap("http");
        var method = http is null ? "GET" : Method(http, ProbeMethods);
        var path = http is null ? null : Path(http);
        http?.Close();

        var when = fields.RequiredMap("performedWhen");
        var status = when?.RequiredWhole("status", 200, 599) ?? 200;
        when?.Close();
        fields.Close();

        return path is null ? null : new ReconcileProbe(method, path, (int)status);
    }

    public static JsonTemplate? Json(Fields fields, string name, TemplateRoots roots)
    {
        if (fields.Optional(name) is not { } node)
        {
            return null;
        }

        var parse = JsonTemplate.Parse(Fields.Json(node), roots);

        if (parse.Template is null)
        {
            var (at, path) = NodePointer.Find(node, fields.Path.At(name), parse.JsonPath!);
            fields.Findings.Add(at, path, parse.Error!);
        }

        return parse.Template;
    }

    public static string? HeaderError(string name) => !IsHeaderName(name)
        ? "must be a header name of at most 64 characters"
        : IsReserved(name) ? $"the header {name} cannot be set by a manifest" : null;

    public static bool IsHeaderName(string name) =>
        name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));

    /// <summary>Whether the header belongs to the connection and not to whoever sends through it.</summary>
    public static bool IsReserved(string header) => ReservedHeaders.Contains(header);

    public static string? QueryError(string name) => name.Length is > 0 and <= 64 && name.All(c => c is > ' ' and < (char)0x7F && c is not ('&' or '=' or '#'))
        ? null
        : "must be a parameter name of at most 64 visible ASCII characters";

    private static string Method(Fields fields, Dictionary<string, int> methods)
    {
        if (fields.Required("method") is not { } node || fields.TextOf(node, fields.Path.At("method"), 16) is not { } method)
        {
            return "GET";
        }

        if (!methods.ContainsKey(method))
        {
            fields.Refuse("method", $"must be one of {string.Join(", ", methods.Keys)}");
        }

        return method;
    }

    private static PathTemplate? Path(Fields fields)
    {
        var text = fields.RequiredText("path", 2048);

        if (text.Length == 0)
        {
            return null;
        }

        var parse = PathTemplate.Parse(text, Roots);

        if (parse.Template is null)
        {
            fields.Refuse("path", parse.Error!);
        }

        return parse.Template;
    }

    private static List<NamedTemplate> Named(Fields fields, string name, Func<string, string?> errorIn)
    {
        var named = new List<NamedTemplate>();

        if (fields.OptionalMap(name) is not { } map)
        {
            return named;
        }

        foreach (var entry in map.Map.Entries)
        {
            var text = map.TextOf(entry.Value, map.Path.At(entry.Name), 2048);

            if (errorIn(entry.Name) is { } error)
            {
                map.Findings.Add(entry.Line, entry.Column, map.Path.At(entry.Name), error);
            }
            else if (named.Any(n => n.Name.Equals(entry.Name, StringComparison.OrdinalIgnoreCase)))
            {
                map.Findings.Add(entry.Line, entry.Column, map.Path.At(entry.Name), "is given twice, in another case");
            }
            else if (text is not null)
            {
                var parse = Template.Parse(text, Roots);

                if (parse.Template is null || text.Any(char.IsControl))
                {
                    map.Refuse(entry.Name, parse.Error ?? "must not hold control characters");
                }
                else
                {
                    named.Add(new NamedTemplate(entry.Name, parse.Template));
                }
            }
        }

        return named;
    }
}
