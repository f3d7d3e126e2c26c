namespace Mesh.Manifests.Signatures;

/// <summary>How the deliveries of a webhook are signed: HMAC-SHA-256 over a text of the body and of headers. Every scheme is one of these.</summary>
public sealed record SignatureScheme
{
    /// <summary>How far a time stamp may be from now, in either direction, where the manifest does not say.</summary>
    public static readonly TimeSpan ToleranceDefault = TimeSpan.FromMinutes(5);

    /// <summary>The widest tolerance that a manifest may ask for.</summary>
    public static readonly TimeSpan ToleranceMax = TimeSpan.FromHours(1);

    /// <summary>The Standard Webhooks specification 1.0.0, symmetric signatures (<c>v1</c>): https://github.com/standard-webhooks/standard-webhooks.</summary>
    public static SignatureScheme StandardWebhooks { get; } = new()
    {
        Header = "webhook-signature",
        Prefix = "v1,",
        Encoding = SignatureEncoding.Base64,
        IsList = true,
        SignedText = SignedText.Of("{id}.{timestamp}.{body}"),
        IdHeader = "webhook-id",
        Timestamp = new SignedTimestamp("webhook-timestamp", TimestampUnit.Seconds, ToleranceDefault),
        KeyEncoding = KeyEncoding.Whsec,
    };

    /// <summary>Webhooks of GitHub. Neither a time nor the delivery's id is signed: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.</summary>
    public static SignatureScheme GitHub { get; } = new()
    {
        Header = "X-Hub-Signature-256",
        Prefix = "sha256=",
        Encoding = SignatureEncoding.Hex,
        SignedText = SignedText.Of("{body}"),
    };

    /// <summary>The header with the signature. It must come exactly once.</summary>
    public required string Header { get; init; }

    /// <summary>What stands before the signature in its header; may be empty.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>How the 32 bytes of the signature are written.</summary>
    public required SignatureEncoding Encoding { get; init; }

    /// <summary>
    /// Whether the header holds several signatures, divided by single spaces, of which one must be right; those with another prefix
    /// are of other versions and are passed over.
    /// </summary>
    public bool IsList { get; init; }

    /// <summary>What is signed.</summary>
    public required SignedText SignedText { get; init; }

    /// <summary>The header with the signed id of the delivery, the same on every retry; null when none is signed.</summary>
    public string? IdHeader { get; init; }

    /// <summary>The signed time stamp; null when none is signed.</summary>
    public SignedTimestamp? Timestamp { get; init; }

    /// <summary>How the stored secret becomes a key.</summary>
    public KeyEncoding KeyEncoding { get; init; } = KeyEncoding.Text;

    /// <summary>By what a delivery that comes again is recognised, where no id is signed.</summary>
    public Deduplication Dedupe { get; init; } = new Deduplication.BySignedBytes();
}

/// <summary>How a signature is written.</summary>
public enum SignatureEncoding
{
    /// <summary>64 lower-case hex digits.</summary>
    Hex,

    /// <summary>Base64 with its padding, 44 characters.</summary>
    Base64,
}

/// <summary>A time stamp that is part of what is signed.</summary>
/// <param name="Header">The header with it: decimal digits since 1970 and nothing else.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Tolerance">How far it may be from now, in either direction.</param>
public sealed record SignedTimestamp(string Header, TimestampUnit Unit, TimeSpan Tolerance);

/// <summary>What a time stamp counts.</summary>
public enum TimestampUnit
{
    /// <summary>Unix seconds.</summary>
    Seconds,

    /// <summary>Unix milliseconds.</summary>
    Milliseconds,
}

/// <summary>By what a delivery that comes again is recognised.</summary>
public abstract record Deduplication
{
    private Deduplication()
    {
    }

    /// <summary>By the bytes that were signed.</summary>
    public sealed record BySignedBytes : Deduplication;

    /// <summary>
    /// By a header together with the bytes that were signed. The header itself is not signed: whoever has seen a delivery can send it
    /// again under another value.
    /// </summary>
    public sealed record ByHeader(string Header) : Deduplication;

    /// <summary>By nothing: each time that it comes, it counts.</summary>
    public sealed record Never : Deduplication;
}
