namespace Mesh.Running;

/// <summary>Unwinds a handler whose run is over.</summary>
/// <remarks>
/// A cancellation, so that code that retries or reports failures lets it pass. Nothing depends on that: the run remembers
/// that it is over, whatever the handler catches.
/// </remarks>
internal sealed class RunStoppedException(RunStop why) : OperationCanceledException($"This run of the task is over: {why}.");
