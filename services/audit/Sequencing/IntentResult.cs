namespace Mesh.Audit.Sequencing;

/// <summary>What the caller of an append is told.</summary>
internal abstract record IntentResult
{
    internal sealed record Durable(Receipt Receipt) : IntentResult;

    /// <summary>The decision is not policy's, not of now, or not for what the intent says. Nothing was recorded.</summary>
    internal sealed record NotDecided : IntentResult;

    /// <summary>The dispatch was announced before, otherwise. Nothing was recorded.</summary>
    internal sealed record AnnouncedOtherwise : IntentResult;

    internal sealed record Busy(TimeSpan RetryAfter) : IntentResult;

    internal sealed record Unavailable : IntentResult;
}

/// <summary>A signed receipt, and in clear what it says.</summary>
internal sealed record Receipt(byte[] Note, string Origin, long Index);
