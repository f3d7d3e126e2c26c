using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Bounds;

/// <summary>How many requests this replica works on at once, and how many of those one caller may hold for long.</summary>
/// <remarks>
/// Whoever has not shown yet who they are has places apart: strangers who dawdle stand in each other's way, and calls with a
/// token go on.
/// </remarks>
internal sealed class InFlight(IngressOptions options)
{
    private readonly Places all = new(options.InFlight);
    private readonly Places unverified = new(options.UnverifiedInFlight);

    // Only known principals have any, so there are as many as people and systems.
    private readonly ConcurrentDictionary<string, Places> streams = new();

    public static MeshError Refusal { get; } = Full("in-flight", "This replica works on as many requests as it may; nothing was done.");

    public static MeshError UnverifiedRefusal { get; } = Full("unverified-in-flight", "This replica waits for as many deliveries as it may; nothing was done.");

    public static MeshError StreamRefusal { get; } = Full("principal-streams", "This principal has as many streams as it may at this replica; nothing was done.");

    /// <summary>Shows how much is in use; of the streams those of whoever has the most.</summary>
    public void Show(LimitGauges limits)
    {
        limits.Add("in-flight", () => all.Taken, options.InFlight);
        limits.Add("unverified-in-flight", () => unverified.Taken, options.UnverifiedInFlight);
        limits.Add("principal-streams", () => streams.Values.Select(places => places.Taken).DefaultIfEmpty().Max(), options.PrincipalStreams);
    }

    /// <summary>A place for a call; null when there is none.</summary>
    public IDisposable? TryEnter() => all.TryEnter();

    /// <summary>A place for a body that nobody has vouched for yet; null when there is none.</summary>
    public IDisposable? TryEnterUnverified() => unverified.TryEnter();

    /// <summary>A place for a stream of a principal, beside its call's; null when there is none.</summary>
    public IDisposable? TryEnterStream(string principal) =>
        streams.GetOrAdd(principal, static (_, max) => new Places(max), options.PrincipalStreams).TryEnter();

    private static MeshError Full(string limit, string message) =>
        new MeshError(StatusCode.ResourceExhausted, Reason.Overloaded, message) { RetryAfter = TimeSpan.FromSeconds(1) }.With("limit", limit);
}
