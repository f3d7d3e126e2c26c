using System.Collections.Immutable;
using Grpc.Core;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>An error as a caller is told it: a code, one reason, and what the caller can do about it.</summary>
/// <param name="Code">The gRPC status code, which clients that do not know the reason act on.</param>
/// <param name="Reason">The reason, out of one closed list.</param>
/// <param name="Message">One sentence for people. MUST NOT hold payloads, secrets or anything of another tenant.</param>
public sealed record MeshError(StatusCode Code, Reason Reason, string Message)
{
    /// <summary>The fields that are wrong, and their limits.</summary>
    public ImmutableArray<FieldError> Fields { get; init; } = [];

    /// <summary>The details that the reason's comment promises, such as <c>limit_bytes</c>.</summary>
    public ImmutableDictionary<string, string> Metadata { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>When to come back.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The status for HTTP clients, where the one that belongs to the code would say less.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>The same error with one more detail.</summary>
    public MeshError With(string key, string value) => this with { Metadata = Metadata.SetItem(key, value) };

    /// <summary>The exception to throw out of a gRPC method. The host turns it into the status.</summary>
    public RefusalException AsException() => new(this);
}

/// <summary>A field that is wrong: its path in the request, and what it has to be.</summary>
public sealed record FieldError(string Field, string Description);
