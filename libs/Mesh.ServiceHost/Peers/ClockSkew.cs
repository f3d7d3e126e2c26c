using System.Collections.Concurrent;

namespace Mesh.ServiceHost;

/// <summary>How far the clocks of peers are from ours, as their answers show. Too far makes this service not ready.</summary>
internal sealed class ClockSkew(TimeProvider clock, ILogger<ClockSkew> log)
{
    /// <summary>The header in which every answer states the time, in Unix milliseconds.</summary>
    public const string Header = "mesh-time";

    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(2);
    private readonly ConcurrentDictionary<(string Peer, string Replica), Sample> samples = new();

    public DateTimeOffset Now => clock.GetUtcNow();

    public void Observe(string peer, string replica, DateTimeOffset sent, DateTimeOffset received, DateTimeOffset stated)
    {
        // The peer looked at its clock somewhere between; only what lies outside of that is skew for certain.
        var skew = stated < sent ? stated - sent : stated > received ? stated - received : TimeSpan.Zero;

        if (skew.Duration() > MeshLimits.ClockSkewMax)
        {
            log.ClockSkewed(peer, skew);
        }

        samples[(peer, replica)] = new Sample(skew, received);
    }

    /// <summary>Why this service is not ready, or null.</summary>
    public string? Trouble()
    {
        foreach (var ((peer, _), sample) in samples)
        {
            if (sample.Skew.Duration() > MeshLimits.ClockSkewMax && Now - sample.At < Forgotten)
            {
                return $"the clock of {peer} differs by {sample.Skew.TotalSeconds:F1} s, at most {MeshLimits.ClockSkewMax.TotalSeconds:F0} s are allowed";
            }
        }

        return null;
    }

    private sealed record Sample(TimeSpan Skew, DateTimeOffset At);
}
