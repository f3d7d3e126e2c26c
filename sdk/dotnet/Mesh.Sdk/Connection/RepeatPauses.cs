namespace Mesh.Connection;

/// <summary>How long to wait before a call is repeated: doubling, never in step with others, never sooner than the server said.</summary>
internal static class RepeatPauses
{
    private const int FirstMilliseconds = 50;
    private const int LastMilliseconds = 5_000;

    public static TimeSpan Before(int repeat, TimeSpan? retryAfter)
    {
        var usual = Math.Min(FirstMilliseconds << Math.Min(repeat, 10), LastMilliseconds);
        var jittered = TimeSpan.FromMilliseconds(usual * (0.5 + (Random.Shared.NextDouble() / 2)));

        return retryAfter is { } asked && asked > TimeSpan.Zero ? asked + (jittered / 4) : jittered;
    }
}
