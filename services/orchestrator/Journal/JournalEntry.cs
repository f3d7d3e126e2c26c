using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>One entry of a task's journal, as recorded.</summary>
/// <param name="Seq">Dense per task, from 1.</param>
/// <param name="Step">Empty for facts of the whole task.</param>
/// <param name="Epoch">The task's epoch when it was written.</param>
internal sealed record JournalEntry(
    long Seq, string Step, long Epoch, DateTimeOffset Time, IReadOnlyList<Span> Spans, Fact Fact);

/// <summary>One stretch of a task's timeline, under one of the eight names.</summary>
/// <param name="Waiting">Time passed without work: an approval, a backlog.</param>
internal sealed record Span(
    string Name, string Subject, string Outcome, DateTimeOffset StartedAt, TimeSpan Duration, bool Waiting = false);
