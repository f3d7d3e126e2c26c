using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Bounds;

/// <summary>How many requests this replica works on at once. None waits: who comes too much is told when to come back.</summary>
internal sealed class InFlight(IngressOptions options)
{
    private int count;

    public static MeshError Refusal { get; } =
        new(StatusCode.ResourceExhausted, Reason.Overloaded, "This replica works on as many requests as it may; nothing was done.") { RetryAfter = TimeSpan.FromSeconds(1) };

    /// <summary>A place, given back when disposed; null when there is none.</summary>
    public IDisposable? TryEnter()
    {
        if (Interlocked.Increment(ref count) <= options.InFlight)
        {
            return new Place(this);
        }

        Interlocked.Decrement(ref count);
        return null;
    }

    private sealed class Place(InFlight all) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref all.count);
    }
}
