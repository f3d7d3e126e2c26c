namespace Mesh.Vault.Secrets;

/// <summary>What came of putting a secret.</summary>
internal abstract record PutOutcome
{
    /// <summary>It is current; also when this very request had put it before.</summary>
    internal sealed record Put(SecretVersion Secret) : PutOutcome;

    /// <summary>The request id was used before with another name or value.</summary>
    internal sealed record RequestIdReused : PutOutcome;
}
