namespace Mesh.Bus;

/// <summary>How long a message that failed waits before it is tried again, and when that ends.</summary>
/// <param name="Pauses">After the last one the message is parked.</param>
public sealed record RetryPauses(params IReadOnlyList<TimeSpan> Pauses)
{
    /// <summary>1 s, 5 s, 30 s, 2 min, 10 min, 1 h, then parked.</summary>
    public static RetryPauses Default { get; } = new(
        TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30),
        TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1));

    /// <summary>The pause after so many attempts, with up to a fifth of jitter; null when it is to be parked.</summary>
    public TimeSpan? After(int attempts) =>
        attempts > Pauses.Count ? null : Pauses[Math.Max(attempts, 1) - 1] * (1 + (Random.Shared.NextDouble() / 5));
}
