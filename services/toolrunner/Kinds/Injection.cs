using System.Text;
using Mesh.Manifests.Templates;
using Mesh.Toolrunner.Custody;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Kinds;

/// <summary>Puts the credential into a request, and knows afterwards what must not come back.</summary>
internal static class Injection
{
    /// <summary>The message to send and what to look for in its answer, or why the credential cannot stand there.</summary>
    public static Injected Into(OutgoingRequest request, Grant grant)
    {
        var secret = grant.Credential?.Span.ToArray() ?? [];

        try
        {
            return grant.Slot switch
            {
                null => new Injected.Ready(Message(request, grant.BaseUrl, null, null), new Scrubber()),
                CredentialSlot.Header header => IntoHeader(request, grant.BaseUrl, header, secret),
                CredentialSlot.Query query => IntoQuery(request, grant.BaseUrl, query, secret),
                CredentialSlot.Basic basic => IntoBasic(request, grant.BaseUrl, basic, secret),
                _ => throw new InvalidOperationException("A credential has no other slot."),
            };
        }
        finally
        {
            Array.Clear(secret);
        }
    }

    private static Injected IntoHeader(OutgoingRequest request, string baseUrl, CredentialSlot.Header slot, byte[] secret)
    {
        var filled = Template.Parse(slot.Format, TemplateRoots.Value).Template?.FillText(new TemplateValues { Value = Encoding.UTF8.GetString(secret) });

        return filled is { IsFilled: true } && HttpTemplates.IsHeaderText(filled.Value)
            ? new Injected.Ready(Message(request, baseUrl, new(slot.Name, filled.Value), null), new Scrubber(secret))
            : new Injected.Unfit($"The secret cannot stand in the header {slot.Name}: it holds more than visible ASCII characters.");
    }

    private static Injected.Ready IntoQuery(OutgoingRequest request, string baseUrl, CredentialSlot.Query slot, byte[] secret) =>
        new(Message(request, baseUrl, null, new(slot.Name, Encoding.UTF8.GetString(secret))), new Scrubber(secret));

    private static Injected IntoBasic(OutgoingRequest request, string baseUrl, CredentialSlot.Basic slot, byte[] secret)
    {
        byte[] pair = slot.Username.Length == 0 ? secret : [.. Encoding.UTF8.GetBytes(slot.Username + ":"), .. secret];
        var colon = Array.IndexOf(pair, (byte)':');

        if (colon < 0)
        {
            return new Injected.Unfit("The secret is not user:password, as basic authentication without a user name wants it.");
        }

        var token = Convert.ToBase64String(pair);

        // The password alone is secret too: whoever decodes the header sees it apart.
        return new Injected.Ready(
            Message(request, baseUrl, new("Authorization", $"Basic {token}"), null),
            new Scrubber(pair, pair[(colon + 1)..], Encoding.ASCII.GetBytes(token)));
    }

    private static HttpRequestMessage Message(
        OutgoingRequest request, string baseUrl, KeyValuePair<string, string>? header, KeyValuePair<string, string>? query)
    {
        var target = new StringBuilder(baseUrl).Append(request.Path);

        if (query is { } parameter)
        {
            HttpTemplates.Append(target, parameter.Key, parameter.Value);
        }

        // Sent as it was filled: straightening it here could undo the escapes that keep a value in its place.
        var message = new HttpRequestMessage(
            HttpMethod.Parse(request.Method),
            new Uri(target.ToString(), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = System.Net.HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body) { Headers = { { "Content-Type", "application/json" } } };
        }
        else if (request.Method is not ("GET" or "HEAD"))
        {
            message.Content = new ByteArrayContent([]);
        }

        foreach (var (name, value) in request.Headers.Where(h => header is not { } own || !h.Key.Equals(own.Key, StringComparison.OrdinalIgnoreCase)))
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        if (header is { } credential)
        {
            message.Headers.TryAddWithoutValidation(credential.Key, credential.Value);
        }

        Default(message, "Accept", "application/json, text/plain;q=0.8, */*;q=0.5");
        Default(message, "User-Agent", "Mesh");
        return message;
    }

    private static void Default(HttpRequestMessage message, string name, string value)
    {
        if (!message.Headers.Contains(name))
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }
    }
}

/// <summary>A request that is ready to leave, or a credential that does not fit its slot.</summary>
internal abstract record Injected
{
    internal sealed record Ready(HttpRequestMessage Message, Scrubber Scrubber) : Injected, IDisposable
    {
        public void Dispose()
        {
            Message.Dispose();
            Scrubber.Dispose();
        }

        public override string ToString() => nameof(Ready);
    }

    internal sealed record Unfit(string Message) : Injected;
}
