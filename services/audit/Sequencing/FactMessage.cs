namespace Mesh.Audit.Sequencing;

/// <summary>A batch of facts as the bus delivered it, each fact verbatim.</summary>
/// <param name="Id">What a repeated delivery is recognised by.</param>
/// <param name="Tenant">The tenant, or <see cref="LogName.Platform"/>.</param>
/// <param name="Key">What the facts are about; for facts of a task, its id.</param>
/// <param name="Task">The task whose journal the facts continue, else null.</param>
/// <param name="FirstSeq">The first fact's place in that journal, counted from 1.</param>
/// <param name="Facts">At least one.</param>
internal sealed record FactMessage(Guid Id, string Tenant, string Key, Guid? Task, long FirstSeq, IReadOnlyList<Fact> Facts)
{
    public Submission ToSubmission(DateTimeOffset now)
    {
        var leaves = new Leaf[Facts.Count];

        for (var at = 0; at < leaves.Length; at++)
        {
            var fact = Facts[at];
            IReadOnlyList<(string, object?)> members = Task is null ? fact.Members : [("seq", FirstSeq + at), .. fact.Members];
            leaves[at] = LeafText.Write(new LeafSubject("fact", fact.Kind, Tenant, fact.Task, fact.Time ?? now, members), fact.Payload);
        }

        return Task is { } task
            ? new Submission.TaskFacts(Tenant, leaves, task, FirstSeq)
            : new Submission.Facts(Tenant, leaves);
    }
}

/// <summary>One fact: its bytes, and what of them the leaf says in clear.</summary>
internal sealed record Fact(string Kind, Guid? Task, DateTimeOffset? Time, IReadOnlyList<(string Name, object? Value)> Members, byte[] Payload);
