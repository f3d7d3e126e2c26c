using System.Globalization;
using System.Net;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Source;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the spec of an Integration.</summary>
internal static class IntegrationReader
{
    public static IntegrationManifest Read(Fields spec)
    {
        spec.NotYet("process", "mcp", "model", "postgres");

        var http = spec.RequiredMap("http");
        var baseUrl = http is null ? null : BaseUrl(http);
        http?.NotYet("tls", "headers");
        http?.Close();

        var egress = new List<EgressHost>();

        foreach (var text in spec.Texts("egress", 1, 32, isRequired: true, t => TryReadHost(t, out _) ? null : "must be host:port, exact, in lower case, without wildcards"))
        {
            if (TryReadHost(text, out var host))
            {
                egress.Add(host!);
            }
        }

        if (baseUrl is not null && egress.Count > 0 && !egress.Contains(new EgressHost(Unbracketed(baseUrl.Host), baseUrl.Port)))
        {
            spec.Refuse("egress", $"must list {baseUrl.Host}:{baseUrl.Port}, or the base URL itself cannot be reached");
        }

        var credential = spec.OptionalMap("credential") is { } fields ? ReadCredential(fields) : null;
        spec.Close();
        return new IntegrationManifest(baseUrl?.AbsoluteUri.TrimEnd('/') ?? "", egress, credential);
    }

    private static Uri? BaseUrl(Fields http)
    {
        var text = http.RequiredText("baseUrl", 1024);

        if (text.Length == 0)
        {
            return null;
        }

        // The parser would quietly straighten what a reader cannot see: dot segments, escapes, spaces.
        if (Uri.TryCreate(text, UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https"
            && url.UserInfo.Length == 0
            && text.IndexOfAny(['?', '#', '\\', '@', '{', '}', '%']) < 0
            && text.All(c => c is > ' ' and < (char)0x7F)
            && url.AbsoluteUri.TrimEnd('/') is var straight
            && (straight == text.TrimEnd('/') || straight == WithoutDefaultPort(text.TrimEnd('/'), url)))
        {
            return url;
        }

        http.Refuse("baseUrl", "must be an http or https URL in plain form: lower-case host, no user, query, fragment, escape or dot segment");
        return null;
    }

    private static string WithoutDefaultPort(string text, Uri url) =>
        text.Replace(string.Create(CultureInfo.InvariantCulture, $"{url.Host}:{url.Port}"), url.Host, StringComparison.Ordinal);

    private static bool TryReadHost(string text, out EgressHost? host)
    {
        host = null;
        var colon = text.LastIndexOf(':');

        if (colon <= 0
            || text.AsSpan(colon + 1) is ['0', ..]
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65535)
        {
            return false;
        }

        var name = text[..colon];
        var isV6 = name is ['[', .., ']'];
        var bare = Unbracketed(name);

        // Only one spelling of an address is accepted, so that comparing texts compares addresses.
        var isValid = isV6
            ? IPAddress.TryParse(bare, out var v6) && v6.ToString() == bare
            : bare.Length <= 253 && !bare.Contains(':', StringComparison.Ordinal) && (IPAddress.TryParse(bare, out var v4)
                ? v4.ToString() == bare
                : bare.Split('.').All(IsLabel));

        if (isValid)
        {
            host = new EgressHost(bare, port);
        }

        return isValid;
    }

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static string Unbracketed(string host) => host.TrimStart('[').TrimEnd(']');

    private static Credential? ReadCredential(Fields fields)
    {
        var secret = fields.RequiredName("secret");
        var injection = fields.RequiredMap("inject") is { } inject ? ReadInjection(inject) : null;
        fields.NotYet("rotate");
        fields.Close();
        return injection is null ? null : new Credential(secret, injection);
    }

    private static CredentialInjection? ReadInjection(Fields inject)
    {
        inject.NotYet("body", "field", "env", "connection");
        CredentialInjection? injection = null;

        switch (inject.Has("header"), inject.Has("query"), inject.Has("basic"))
        {
            case (true, false, false):
                injection = ReadHeader(inject);
                break;

            case (false, true, false):
                var name = inject.RequiredText("query", 64);

                if (name.Length > 0 && HttpReader.QueryError(name) is { } error)
                {
                    inject.Refuse("query", error);
                }

                injection = new CredentialInjection.Query(name);
                break;

            case (false, false, true):
                var basic = inject.RequiredMap("basic");
                var username = basic?.OptionalText("username", 256);

                if (username is not null && (username.Contains(':', StringComparison.Ordinal) || username.Any(char.IsControl)))
                {
                    basic!.Refuse("username", "must not hold a colon or control characters");
                }

                basic?.Close();
                injection = new CredentialInjection.Basic(username);
                break;

            default:
                inject.Findings.Add(inject.Map, inject.Path, "must name exactly one of header, query, basic");
                break;
        }

        if (injection is not CredentialInjection.Header && inject.Has("format"))
        {
            inject.Refuse("format", "belongs to header only");
        }

        _ = inject.Optional("header");
        _ = inject.Optional("query");
        _ = inject.Optional("basic");
        _ = inject.Optional("format");
        inject.Close();
        return injection;
    }

    private static CredentialInjection.Header? ReadHeader(Fields inject)
    {
        var name = inject.RequiredText("header", 64);

        if (name.Length > 0 && HttpReader.HeaderError(name) is { } error)
        {
            inject.Refuse("header", error);
        }

        var text = inject.OptionalText("format", 256) ?? "{value}";
        var parse = Template.Parse(text, TemplateRoots.Value);

        if (parse.Template is null || parse.Template.Placeholders.Count() != 1 || text.Any(c => c is < ' ' or > '~'))
        {
            inject.Refuse("format", parse.Error ?? "must hold {value} exactly once and only visible ASCII");
            return null;
        }

        return new CredentialInjection.Header(name, parse.Template);
    }
}
