namespace Mesh.Orchestrator.Lifecycle;

/// <summary>The journal holds a fact that cannot follow what stands before it. A defect, or a hand in the database.</summary>
internal sealed class DamagedJournalException(object state, object fact)
    : InvalidOperationException($"{fact.GetType().Name} cannot follow {state.GetType().Name}.");
