using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>Leaves that enter a tenant's log together, or not at all.</summary>
internal abstract record Submission(string Tenant, IReadOnlyList<Leaf> Leaves)
{
    /// <summary>One intent.</summary>
    /// <param name="Key">Of the dispatch that is announced: a repeat finds the entry by it.</param>
    /// <param name="Terms">Of what else the leaf says about it: a repeat that says something else is none.</param>
    internal sealed record Intent(string Tenant, Leaf Leaf, Hash256 Key, Hash256 Terms) : Submission(Tenant, [Leaf]);

    /// <summary>Facts of one task, the first of which has the place <paramref name="FirstSeq"/> in its journal.</summary>
    internal sealed record TaskFacts(string Tenant, IReadOnlyList<Leaf> Leaves, Guid Task, long FirstSeq) : Submission(Tenant, Leaves);

    /// <summary>Facts that are ordered by nothing but their arrival.</summary>
    internal sealed record Facts(string Tenant, IReadOnlyList<Leaf> Leaves) : Submission(Tenant, Leaves);

    /// <summary>What it is about: one dispatch, or the journal of one task. Facts of no task are about nothing that others are about.</summary>
    public object Subject => this switch
    {
        Intent intent => (Tenant, intent.Key),
        TaskFacts facts => (Tenant, facts.Task),
        _ => this,
    };
}
