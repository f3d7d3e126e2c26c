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
    private readonly (PathTemplate Path, string Verb, Destination.Method Method)[] pages;

    private RouteTable(IEnumerable<(MethodDescriptor Method, string Owner)> methods)
    {
        var all = methods.ToArray();
        calls = all.Select(each => Of(each.Method, each.Owner, isGrpc: true)).ToFrozenDictionary(method => method.Name, StringComparer.Ordinal);
        pages =
        [
            .. all
                .SelectMany(each => Rules(each.Method).Select(rule => (PathTemplate.Parse(rule.Path), rule.Verb, Of(each.Method, each.Owner, isGrpc: false))))
                .OrderByDescending(page => page.Item1.Precision),
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

        (string, Destination)[] found = [.. pages.Where(page => page.Path.Matches(path)).Select(page => (page.Verb, (Destination)page.Method))];
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

    private static Destination.Method Of(MethodDescriptor method, string owner, bool isGrpc) =>
        new($"/{method.Service.FullName}/{method.Name}", owner, isGrpc, method.IsClientStreaming, method.IsServerStreaming, method.InputType);

    private static IEnumerable<(string Verb, string Path)> Rules(MethodDescriptor method)
    {
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } first)
        {
            return [];
        }

        return first.AdditionalBindings.Prepend(first).Select(rule => rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => ("GET", rule.Get),
            HttpRule.PatternOneofCase.Post => ("POST", rule.Post),
            HttpRule.PatternOneofCase.Put => ("PUT", rule.Put),
            HttpRule.PatternOneofCase.Patch => ("PATCH", rule.Patch),
            HttpRule.PatternOneofCase.Delete => ("DELETE", rule.Delete),
            _ => throw new InvalidOperationException($"{method.FullName} has an HTTP rule that ingress does not know."),
        });
    }
}
