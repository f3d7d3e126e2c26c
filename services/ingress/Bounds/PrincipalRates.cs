using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Bounds;

/// <summary>A bucket of calls per principal, at this replica only: it keeps one caller from crowding out the others, and is no exact limit.</summary>
internal sealed class PrincipalRates(IngressOptions options, TimeProvider clock)
{
    // Only known principals have one, so there are as many as people and systems.
    private readonly ConcurrentDictionary<string, Bucket> buckets = new();

    /// <summary>Shows how much is taken out of the bucket that has the least left.</summary>
    public void Show(LimitGauges limits) => limits.Add("principal-rate", () => buckets.Values.Select(TakenOut).DefaultIfEmpty().Max(), Burst);

    private double Burst => 2.0 * options.PrincipalRate;

    /// <summary>Takes one call out of the principal's bucket; null, or why not.</summary>
    public MeshError? Take(string principal)
    {
        var bucket = buckets.GetOrAdd(principal, static (_, now) => new Bucket { FilledAt = now, Calls = double.MaxValue }, clock.GetTimestamp());

        lock (bucket)
        {
            var now = clock.GetTimestamp();
            bucket.Calls = LeftIn(bucket, now);
            bucket.FilledAt = now;

            if (bucket.Calls >= 1)
            {
                bucket.Calls -= 1;
                return null;
            }
        }

        return new MeshError(StatusCode.ResourceExhausted, Reason.Overloaded, $"More than {options.PrincipalRate} calls a second; nothing was done.") { RetryAfter = TimeSpan.FromSeconds(1) }
            .With("limit", "principal-rate");
    }

    private double LeftIn(Bucket bucket, long now) =>
        Math.Min(Burst, bucket.Calls + (clock.GetElapsedTime(bucket.FilledAt, now).TotalSeconds * options.PrincipalRate));

    private double TakenOut(Bucket bucket)
    {
        lock (bucket)
        {
            return Burst - LeftIn(bucket, clock.GetTimestamp());
        }
    }

    private sealed class Bucket
    {
        public double Calls { get; set; }

        public long FilledAt { get; set; }
    }
}
