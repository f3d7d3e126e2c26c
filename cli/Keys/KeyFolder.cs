using System.Collections.Immutable;

namespace Mesh.Cli.Keys;

/// <summary>The names in a folder of keys: one folder per service, and the CA's, which only the launcher reads.</summary>
internal static class KeyFolder
{
    public const string Authority = "ca";
    public const string AuthorityKey = "ca.key";
    public const string AuthorityCertificate = "ca.crt";
    public const string LeafKey = "tls.key";
    public const string LeafCertificate = "tls.crt";
    public const string Trust = "trust.json";

    /// <summary>32 bytes, the Ed25519 seed of a service that signs.</summary>
    public const string SigningSeed = "signing.seed";

    /// <summary>32 bytes, the vault's root key that seals all others.</summary>
    public const string RootKey = "root.key";

    /// <summary>32 bytes, the HMAC key under which tokens are stored: people's in policy, leases' in the vault.</summary>
    public const string TokenPepper = "token.pepper";

    public static readonly ImmutableArray<string> Services = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner"];
}
