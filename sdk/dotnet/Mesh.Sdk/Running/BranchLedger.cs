using System.Globalization;

namespace Mesh.Running;

/// <summary>One branch of a run: what it asked for so far, and what earlier runs recorded in it.</summary>
internal sealed class BranchLedger(string name, bool isComplete)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Agent.V1.RecordedStep> recordedAt = [];
    private readonly Dictionary<string, int> positionOf = new(StringComparer.Ordinal);
    private int asked;
    private int recordedEnd;

    // Beyond a history that was cut, only the server knows where the recorded part ends.
    private bool reachedNew = isComplete;

    public string Name { get; } = name;

    public int Asked
    {
        get
        {
            lock (gate)
            {
                return asked;
            }
        }
    }

    /// <summary>Whether the handler is still passing places that an earlier run has been at.</summary>
    public bool IsRepeating
    {
        get
        {
            lock (gate)
            {
                return asked < recordedEnd || !reachedNew;
            }
        }
    }

    public void Expect(Agent.V1.RecordedStep recorded)
    {
        recordedAt[recorded.Position] = recorded;
        positionOf[recorded.StepKey] = recorded.Position;
        recordedEnd = Math.Max(recordedEnd, recorded.Position + 1);
    }

    /// <summary>Something was asked for that no earlier run has recorded.</summary>
    public void ReachNew()
    {
        lock (gate)
        {
            reachedNew = true;
        }
    }

    /// <summary>Takes the next place. It is numbered here, when the handler asks, whenever the answer comes.</summary>
    /// <param name="stepName">The name of the step; it may have been used before.</param>
    /// <param name="tool">The tool, when it is a call.</param>
    /// <exception cref="HandlerChangedException">Something else is recorded at this place.</exception>
    public StepPlace Take(string stepName, string? tool)
    {
        lock (gate)
        {
            var number = counts.GetValueOrDefault(stepName);
            var key = string.Create(CultureInfo.InvariantCulture, $"{(Name.Length > 0 ? $"{Name}/" : "")}{stepName}#{number}");

            if (key.Length > StepNames.KeyCharsMax)
            {
                throw new ArgumentException($"The step key {key} is longer than {StepNames.KeyCharsMax} characters.", nameof(stepName));
            }

            var position = asked++;
            counts[stepName] = number + 1;
            var recorded = recordedAt.GetValueOrDefault(position);

            if (Change(key, position, tool, recorded) is { } change)
            {
                throw new HandlerChangedException(change);
            }

            return new StepPlace(key, position, recorded);
        }
    }

    private string? Change(string key, int position, string? tool, Agent.V1.RecordedStep? recorded)
    {
        var place = Name.Length > 0 ? $"place {position} of the branch {Name}" : $"place {position}";

        if (recorded is not null && recorded.StepKey != key)
        {
            return $"{recorded.StepKey} is recorded at {place}; the handler now asks for {key} there.";
        }

        if (recorded is null && positionOf.TryGetValue(key, out var other))
        {
            return $"{key} is recorded at place {other}; the handler now asks for it at {place}.";
        }

        return (recorded?.OutcomeCase, tool) switch
        {
            (Agent.V1.RecordedStep.OutcomeOneofCase.Value, not null) => $"{key} is recorded as a step; the handler now makes it a call of {tool}.",
            (Agent.V1.RecordedStep.OutcomeOneofCase.Call or Agent.V1.RecordedStep.OutcomeOneofCase.Pending, null) =>
                $"{key} is recorded as a tool call; the handler now makes it a step.",
            (Agent.V1.RecordedStep.OutcomeOneofCase.Pending, _) when recorded!.Pending.Tool != tool =>
                $"{key} is recorded as a call of {recorded.Pending.Tool}; the handler now calls {tool}.",
            _ => null,
        };
    }
}
