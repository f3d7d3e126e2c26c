namespace Mesh.Audit.Sequencing;

/// <summary>What becomes of a batch of facts when the transaction that it is in commits.</summary>
internal abstract record FactsResult
{
    internal sealed record Recorded : FactsResult;

    /// <summary>It cannot enter the log now, and the reason is for a person.</summary>
    internal sealed record Refused(string Reason) : FactsResult;
}
