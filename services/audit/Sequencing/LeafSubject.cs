namespace Mesh.Audit.Sequencing;

/// <summary>What a leaf says.</summary>
/// <param name="Type"><c>intent</c> or <c>fact</c>.</param>
/// <param name="Kind"><c>intent</c>, the fact's name, or <c>unknown</c>.</param>
/// <param name="Tenant">The tenant, or <see cref="LogName.Platform"/>.</param>
/// <param name="Task">The task that it is about, if any.</param>
/// <param name="Time">When it happened.</param>
/// <param name="Members">
/// The rest: strings, 64-bit integers and lists of strings. Names MUST be distinct, and none of those that every leaf has.
/// </param>
internal sealed record LeafSubject(
    string Type,
    string Kind,
    string Tenant,
    Guid? Task,
    DateTimeOffset Time,
    IReadOnlyList<(string Name, object? Value)> Members);
