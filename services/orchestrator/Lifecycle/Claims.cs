namespace Mesh.Orchestrator.Lifecycle;

/// <summary>How long agents may hold what they were given.</summary>
internal static class Claims
{
    /// <summary>A claim that is not extended ends after this. Agents extend every 5 seconds.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromSeconds(30);

    /// <summary>How often a claim is extended for its agent while a call of its own is under way.</summary>
    public static readonly TimeSpan ExtendEvery = TimeSpan.FromSeconds(10);

    /// <summary>What an agent has left to come to an end once somebody asked for it. Then its claim ends, extended or not.</summary>
    public static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(10);
}
