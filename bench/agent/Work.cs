namespace Mesh.Bench.Agent;

internal sealed record WriteRequest(string Key);

internal sealed record Written(string Key);

internal sealed record StepsRequest(int Steps);

internal sealed record PacedRequest(int Steps, int PauseMs);

internal sealed record Paced(int Steps);

/// <summary>How long a recorded step took, as the agent saw it, in milliseconds.</summary>
internal sealed record StepsTaken(double P50, double P99);
