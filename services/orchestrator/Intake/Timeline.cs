using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>What happened when, from the journal alone: the spans that facts carry, and the waits between facts.</summary>
internal static class Timeline
{
    public static V1.GetTaskTimelineResponse Draw(TaskRow task, IReadOnlyList<JournalEntry> entries)
    {
        var rows = Rows(task, entries).OrderBy(row => row.Span.StartedAt).ToList();
        var response = new V1.GetTaskTimelineResponse { Task = Wire.Write(task) };

        if (rows.Count == 0)
        {
            return response;
        }

        var start = rows[0].Span.StartedAt;
        var waiting = TimeSpan.Zero;
        var end = start;

        foreach (var (span, attempt) in rows)
        {
            response.Rows.Add(new V1.TimelineRow
            {
                Name = span.Name,
                Subject = span.Subject,
                Outcome = span.Outcome,
                Offset = (span.StartedAt - start).ToDuration(),
                Duration = span.Duration.ToDuration(),
                Waiting = span.Waiting,
                Attempt = attempt,
            });
            waiting += span.Waiting ? span.Duration : TimeSpan.Zero;
            end = span.StartedAt + span.Duration > end ? span.StartedAt + span.Duration : end;
        }

        response.Total = (end - start).ToDuration();
        response.Waiting = waiting.ToDuration();

        return response;
    }

    private static IEnumerable<(Span Span, int Attempt)> Rows(TaskRow task, IReadOnlyList<JournalEntry> entries)
    {
        var attempt = 0;
        DateTimeOffset? readySince = null;
        JournalEntry? running = null;
        JournalEntry? parked = null;

        foreach (var entry in entries)
        {
            foreach (var span in entry.Spans)
            {
                yield return (span, Math.Max(attempt, 1));
            }

            switch (entry.Fact)
            {
                case TaskSubmitted:
                    readySince = entry.Time;
                    break;

                case TaskClaimed claimed:
                    if (readySince is { } since && entry.Time - since > TimeSpan.FromMilliseconds(50))
                    {
                        yield return (new Span(MeshSemantics.AgentDispatch, "backlog", "waited for an agent", since, entry.Time - since, Waiting: true), claimed.Attempt);
                    }

                    attempt = claimed.Attempt;
                    running = entry;
                    break;

                case TaskClaimEnded ended when running is not null:
                    yield return (Run(running, entry, $"{ended.Cause}"), attempt);
                    running = null;
                    readySince = entry.Time;
                    break;

                case TaskParked waiting:
                    if (running is not null)
                    {
                        yield return (Run(running, entry, "parked"), attempt);
                    }

                    running = null;
                    parked = entry;
                    break;

                case TaskResumed resumed when parked is not null:
                    yield return (new Span(
                        MeshSemantics.Orchestrator, ((TaskParked)parked.Fact).On.Name, resumed.Because, parked.Time, entry.Time - parked.Time, Waiting: true), attempt);
                    parked = null;
                    readySince = entry.Time;
                    break;

                case TaskFinished finished when running is not null:
                    yield return (Run(running, entry, $"{finished.Outcome}"), attempt);
                    running = null;
                    break;
            }
        }

        if (running is not null)
        {
            yield return (new Span(MeshSemantics.AgentDispatch, task.ClaimInstance ?? "", "running", running.Time, TimeSpan.Zero), attempt);
        }
    }

    private static Span Run(JournalEntry from, JournalEntry to, string outcome) =>
        new(MeshSemantics.AgentDispatch, ((TaskClaimed)from.Fact).Instance, outcome, from.Time, to.Time - from.Time);
}
