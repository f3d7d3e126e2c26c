using System.ComponentModel.DataAnnotations;

namespace Mesh.ServiceHost.Tests;

internal sealed record TestOptions
{
    [Option("in-flight", "Calls in flight per tenant. The next one waits; none is dropped.")]
    [Range(1, 1_000)]
    public int InFlight { get; init; } = 32;

    [Option("patience", "How long a caller may wait. Longer waits are refused.")]
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
