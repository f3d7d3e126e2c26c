using Mesh.Manifests.Kinds;
using Mesh.Manifests.Signatures;
using Mesh.Manifests.Source;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the spec of a Webhook. Whatever its scheme, what comes of it is one description of how deliveries are signed.</summary>
internal static class WebhookReader
{
    private const string Hmac = "hmac";
    private const string HeaderPrefix = "header:";
    private const int PrefixMax = 32;

    private static readonly Dictionary<string, SignatureScheme> Schemes = new(StringComparer.Ordinal)
    {
        ["standard-webhooks"] = SignatureScheme.StandardWebhooks,
        ["github"] = SignatureScheme.GitHub,
    };

    private static readonly string[] LaterSchemes = ["stripe", "slack", "shopify", "twilio"];

    private static readonly Dictionary<string, SignatureEncoding> Encodings =
        new(StringComparer.Ordinal) { ["hex"] = SignatureEncoding.Hex, ["base64"] = SignatureEncoding.Base64 };

    private static readonly Dictionary<string, TimestampUnit> Units =
        new(StringComparer.Ordinal) { ["s"] = TimestampUnit.Seconds, ["ms"] = TimestampUnit.Milliseconds };

    private static readonly Dictionary<string, KeyEncoding> KeyEncodings =
        new(StringComparer.Ordinal) { ["text"] = KeyEncoding.Text, ["hex"] = KeyEncoding.Hex, ["base64"] = KeyEncoding.Base64 };

    // One for now. It is asked for all the same: a manifest that does not say it would mean another one some day.
    private static readonly Dictionary<string, int> Algorithms = new(StringComparer.Ordinal) { ["sha256"] = 256 };

    public static WebhookManifest? Read(Fields spec)
    {
        var scheme = ReadScheme(spec);
        var signature = scheme == Hmac
            ? spec.RequiredMap("hmac") is { } hmac ? ReadHmac(hmac) : null
            : Schemes.GetValueOrDefault(scheme);

        if (scheme != Hmac && spec.Optional("hmac") is not null)
        {
            spec.Refuse("hmac", "is only for the scheme hmac");
        }

        var secret = spec.RequiredName("secret");
        var dedupe = ReadDedupe(spec, signature);
        spec.NotYet("signal");
        WebhookStart? start = null;

        if (spec.RequiredMap("start") is { } fields)
        {
            var workflow = fields.RequiredName("workflow");
            var input = HttpReader.Json(fields, "input", TemplateRoots.Body);
            fields.NotYet("labels");
            fields.Close();
            start = new WebhookStart(workflow, input);
        }

        spec.Close();

        if (signature is not null)
        {
            signature = signature with { Dedupe = dedupe ?? signature.Dedupe };
            RefuseSharedHeaders(spec, signature);
        }

        return start is null || signature is null ? null : new WebhookManifest(scheme, signature, secret, start);
    }

    private static string ReadScheme(Fields spec)
    {
        if (spec.Required("scheme") is not { } node || spec.TextOf(node, spec.Path.At("scheme"), 64) is not { } scheme)
        {
            return "";
        }

        if (LaterSchemes.Contains(scheme))
        {
            spec.Refuse("scheme", $"the scheme {scheme} is not available yet; known: {Known()}");
        }
        else if (scheme != Hmac && !Schemes.ContainsKey(scheme))
        {
            spec.Refuse("scheme", $"must be one of {Known()}");
        }

        return scheme;

        static string Known() => string.Join(", ", Schemes.Keys.Append(Hmac));
    }

    private static SignatureScheme? ReadHmac(Fields hmac)
    {
        _ = hmac.Choice("algorithm", Algorithms, 256);
        var header = ReadHeader(hmac, "header");
        var encoding = hmac.Choice("encoding", Encodings, SignatureEncoding.Hex);
        var prefix = hmac.OptionalText("prefix", PrefixMax) ?? "";
        var timestamp = hmac.OptionalMap("timestamp") is { } stamp ? ReadTimestamp(stamp) : null;
        var id = hmac.OptionalMap("id") is { } map ? ReadId(map) : null;
        var keyEncoding = hmac.Choice("keyEncoding", KeyEncodings, KeyEncoding.Text, isRequired: false);
        var signed = ReadSigned(hmac);
        hmac.Close();

        // What stands around the signature is cut off by whoever passes the header on, or taken for the end of it.
        if (prefix.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            hmac.Refuse("prefix", $"must have 1 to {PrefixMax} characters of visible ASCII");
        }

        return signed is null ? null : new SignatureScheme
        {
            Header = header,
            Prefix = prefix,
            Encoding = encoding,
            SignedText = signed,
            IdHeader = id,
            Timestamp = timestamp,
            KeyEncoding = keyEncoding,
        };
    }

    private static SignedText? ReadSigned(Fields hmac)
    {
        if (hmac.RequiredText("signed", SignedText.LengthMax) is not { Length: > 0 } template)
        {
            return null;
        }

        if (SignedText.TryParse(template, out var error) is not { } signed)
        {
            hmac.Refuse("signed", error);
            return null;
        }

        RefuseUnlessBoth(hmac, "timestamp", signed.HasTimestamp);
        RefuseUnlessBoth(hmac, "id", signed.HasId);
        return signed;
    }

    // A header that is not signed is worth nothing: whoever repeats a delivery writes into it what he likes.
    private static void RefuseUnlessBoth(Fields hmac, string name, bool isSigned)
    {
        if (isSigned && !hmac.Has(name))
        {
            hmac.Refuse(name, $"is required, because {{{name}}} is signed");
        }
        else if (!isSigned && hmac.Has(name))
        {
            hmac.Refuse(name, $"is not signed, so that it proves nothing: signed must have {{{name}}}");
        }
    }

    private static SignedTimestamp ReadTimestamp(Fields fields)
    {
        var header = ReadHeader(fields, "header");
        var unit = fields.Choice("unit", Units, TimestampUnit.Seconds);
        var tolerance = fields.OptionalDuration("tolerance", SignatureScheme.ToleranceMax) ?? SignatureScheme.ToleranceDefault;
        fields.Close();
        return new SignedTimestamp(header, unit, tolerance);
    }

    private static string ReadId(Fields fields)
    {
        var header = ReadHeader(fields, "header");
        fields.Close();
        return header;
    }

    private static Deduplication? ReadDedupe(Fields spec, SignatureScheme? signature)
    {
        if (spec.OptionalText("dedupe", 128) is not { } text)
        {
            return null;
        }

        if (signature is { IdHeader: not null } or { Timestamp: not null })
        {
            spec.Refuse("dedupe", "is only for schemes that sign neither an id nor a time stamp: those recognise a repeat by what is signed");
        }

        switch (text)
        {
            case "body":
                return new Deduplication.BySignedBytes();

            case "none":
                return new Deduplication.Never();

            case var _ when text.StartsWith(HeaderPrefix, StringComparison.Ordinal):
                var header = text[HeaderPrefix.Length..];
                RefuseHeader(spec, "dedupe", header);
                return new Deduplication.ByHeader(header);

            default:
                spec.Refuse("dedupe", "must be body, none or header:NAME");
                return null;
        }
    }

    private static string ReadHeader(Fields fields, string name)
    {
        var header = fields.RequiredText(name, 64);

        if (header.Length > 0)
        {
            RefuseHeader(fields, name, header);
        }

        return header;
    }

    private static void RefuseHeader(Fields fields, string name, string header)
    {
        if (!HttpReader.IsHeaderName(header))
        {
            fields.Refuse(name, "must be a header name of at most 64 characters");
        }
        else if (HttpReader.IsReserved(header))
        {
            fields.Refuse(name, $"the header {header} belongs to the connection, not to the sender");
        }
    }

    private static void RefuseSharedHeaders(Fields spec, SignatureScheme signature)
    {
        string?[] headers = [signature.Header, signature.IdHeader, signature.Timestamp?.Header, (signature.Dedupe as Deduplication.ByHeader)?.Header];
        var shared = headers.OfType<string>().Where(header => header.Length > 0).GroupBy(header => header, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Count() > 1);

        if (shared is not null)
        {
            spec.Refuse(signature.Dedupe is Deduplication.ByHeader ? "dedupe" : Hmac, $"the header {shared.Key} cannot be two things at once");
        }
    }
}
