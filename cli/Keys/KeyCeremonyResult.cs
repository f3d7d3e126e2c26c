using System.Collections.Immutable;

namespace Mesh.Cli.Keys;

/// <summary>What came of a key ceremony; the properties are what <c>keys init -o json</c> prints.</summary>
internal abstract record KeyCeremonyResult
{
    /// <summary>The folder was written now.</summary>
    internal sealed record Created(string Directory, string Domain, ImmutableArray<TrustedKey> Keys) : KeyCeremonyResult;

    /// <summary>The folder holds the keys of this domain already; nothing was changed.</summary>
    internal sealed record Existing(string Directory, string Domain, ImmutableArray<TrustedKey> Keys) : KeyCeremonyResult;

    /// <summary>Nothing was changed, and why.</summary>
    internal sealed record Refused(string Why) : KeyCeremonyResult;
}
