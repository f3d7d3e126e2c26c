namespace Mesh.Running;

/// <summary>Where a step or call stands in its task, and what was recorded there.</summary>
/// <param name="Key">The step key.</param>
/// <param name="Position">How many steps and calls its branch asked for before.</param>
/// <param name="Recorded">What an earlier run recorded there; null when nothing is known.</param>
internal sealed record StepPlace(string Key, int Position, Agent.V1.RecordedStep? Recorded);
