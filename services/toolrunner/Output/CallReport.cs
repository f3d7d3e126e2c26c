namespace Mesh.Toolrunner.Output;

/// <summary>How a dispatch went.</summary>
internal sealed record CallReport
{
    public required CallOutcome Outcome { get; init; }

    /// <summary>JSON, or nothing.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    public int HttpStatus { get; init; }

    /// <summary>A name of mesh.errors.v1.Reason, or empty.</summary>
    public string Reason { get; init; } = "";

    public string Message { get; init; } = "";

    public string LeaseId { get; init; } = "";

    public DateTimeOffset? RedeemedAt { get; init; }

    public IReadOnlyList<ReportSpan> Spans { get; init; } = [];

    /// <summary>How often the credential was found in the answer.</summary>
    public int Scrubbed { get; init; }
}

/// <summary>The ways in which a dispatch ends.</summary>
internal enum CallOutcome
{
    /// <summary>The target answered 2xx.</summary>
    Succeeded,

    /// <summary>The target answered something else, or more than the limit.</summary>
    Failed,

    /// <summary>It is certain that nothing was sent.</summary>
    NotSent,

    /// <summary>It may have been sent, and no answer came.</summary>
    Unknown,

    /// <summary>The probe says that it was performed.</summary>
    ProbePerformed,

    /// <summary>The probe says that it was not.</summary>
    ProbeNotPerformed,
}

/// <summary>One row of the timeline.</summary>
internal sealed record ReportSpan(string Name, string Subject, string Outcome, DateTimeOffset StartedAt, TimeSpan Duration);
