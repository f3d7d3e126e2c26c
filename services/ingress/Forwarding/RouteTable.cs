using System.Collections.Frozen;
using Google.Api;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Forwarding;

/// <summary>Says where a request wants to go. Read from the descriptors of the public services, so that a new method needs no line here.</summary>
internal sealed class RouteTable
{
    /// <summary>The owner of what ingress serves itself.</summary>
    public const string Self = "ingress";

    private readonly FrozenDictionary<string, Destination.Method> calls;
    private readonly (Destination.Page Page, string Verb, Destination.Method Method)[] pages;

    private RouteTable(IEnumerable<(MethodDescriptor Method, string Owner)> methods)
    {
        var all = methods.ToArray();
        calls = all.Select(each => Of(each.Method, each.Owner, page: null)).ToFrozenDictionary(method => method.Name, StringComparer.Ordinal);
        pages =
        [
            .. all
                .SelectMany(each => Rules(each.Method).Select(rule => (rule.Page, rule.Verb, Of(each.Method, each.Owner, rule.Page))))
                .OrderByDescending(each => each.Page.Path.Precision),
        ];
    }

    public static RouteTable Build() => new(PublicApi.Services.SelectMany(each => each.Service.Methods.Select(method => (method, each.Owner))));

    public Destination Find(HttpRequest request)
    {
        var path = request.Path.Value ?? "";

        if (IsGrpc(request.ContentType))
        {
            return calls.TryGetValue(path, out var call) && HttpMethods.IsPost(request.Method) ? call : NoSuchMethod(path);
        }

        if (path is "/" or "")
        {
            return ByVerb(request.Method, [("GET", new Destination.FrontPage()), ("HEAD", new Destination.FrontPage())]);
        }

        if (path.StartsWith("/hooks/", StringComparison.Ordinal))
        {
            return path.Split('/') is [_, _, { Length: > 0 } tenant, { Length: > 0 } webhook]
                ? ByVerb(request.Method, [("POST", new Destination.Webhook(tenant, webhook))])
                : NoSuchPage();
        }

        (string, Destination)[] found = [.. pages.Where(each => each.Page.Path.Matches(path)).Select(each => (each.Verb, (Destination)each.Method))];
        return found.Length == 0 ? NoSuchPage() : ByVerb(request.Method, found);
    }

    private static bool IsGrpc(string? contentType) => contentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    private static Destination ByVerb(string verb, (string Verb, Destination Destination)[] found)
    {
        if (Array.Find(found, each => each.Verb.Equals(verb, StringComparison.OrdinalIgnoreCase)) is { Destination: { } destination })
        {
            return destination;
        }

        var verbs = string.Join(", ", found.Select(each => each.Verb).Append("OPTIONS").Distinct());
        return HttpMethods.IsOptions(verb)
            ? new Destination.Allows(verbs)
            : new Destination.Nowhere(
                new MeshError(StatusCode.Unimplemented, Reason.Unsupported, $"This path answers {verbs} only.") { HttpStatus = StatusCodes.Status405MethodNotAllowed },
                verbs);
    }

    private static Destination.Nowhere NoSuchPage() =>
        new(new MeshError(StatusCode.NotFound, Reason.Unsupported, "There is nothing at this path."));

    private static Destination.Nowhere NoSuchMethod(string path) =>
        new(new MeshError(StatusCode.Unimplemented, Reason.Unsupported, $"There is no public method {path}."));

    private static Destination.Method Of(MethodDescriptor method, string owner, Destination.Page? page) =>
        new($"/{method.Service.FullName}/{method.Name}", owner, page, method.IsClientStreaming, method.IsServerStreaming, method.InputType);

    private static IEnumerable<(string Verb, Destination.Page Page)> Rules(MethodDescriptor method)
    {
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } first)
        {
            return [];
        }

        return first.AdditionalBindings.Prepend(first).Select(rule => rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => ("GET", Page(method, rule.Get, rule.Body)),
            HttpRule.PatternOneofCase.Post => ("POST", Page(method, rule.Post, rule.Body)),
            HttpRule.PatternOneofCase.Put => ("PUT", Page(method, rule.Put, rule.Body)),
            HttpRule.PatternOneofCase.Patch => ("PATCH", Page(method, rule.Patch, rule.Body)),
            HttpRule.PatternOneofCase.Delete => ("DELETE", Page(method, rule.Delete, rule.Body)),
            _ => throw new InvalidOperationException($"{method.FullName} has an HTTP rule that ingress does not know."),
        });
    }

    private static Destination.Page Page(MethodDescriptor method, string path, string body)
    {
        var template = PathTemplate.Parse(path);
        return body is "" or "*" && template.Variables.All(variable => method.InputType.FindFieldByName(variable) is not null)
            ? new Destination.Page(template, TakesBody: body == "*")
            : throw new InvalidOperationException($"{method.FullName} has an HTTP rule that ingress does not know: its body is all of the request or none, its variables are fields.");
    }
}
