using System.Collections.Immutable;
using Mesh.Integrity;

namespace Mesh.Cli.Keys;

/// <summary>Creates all keys of a mesh at once: one folder per service, which holds what that service may know.</summary>
internal sealed class KeyCeremony(TimeProvider clock)
{
    // Longer than anybody should wait before a rotation, and not for ever.
    private static readonly TimeSpan SigningKeyLifetime = TimeSpan.FromDays(5 * 365);

    /// <summary>Writes the keys into a folder that is absent or empty. An existing one is reported, never overwritten.</summary>
    public KeyCeremonyResult Run(string directory, string domain)
    {
        directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));

        if (!TrustDomain.IsValid(domain))
        {
            return new KeyCeremonyResult.Refused($"The domain must be {TrustDomain.Limit}.");
        }

        if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
        {
            return Inspect(directory, domain);
        }

        // Built beside its place and moved there whole: a ceremony that was cut short leaves no half of a mesh.
        var draft = $"{directory}.{Guid.NewGuid():N}.new";

        try
        {
            var keys = WriteAll(draft, domain);

            if (Directory.Exists(directory))
            {
                Directory.Delete(directory);
            }

            Directory.Move(draft, directory);
            return new KeyCeremonyResult.Created(directory, domain, keys);
        }
        finally
        {
            if (Directory.Exists(draft))
            {
                Directory.Delete(draft, recursive: true);
            }
        }
    }

    private static KeyCeremonyResult Inspect(string directory, string domain)
    {
        var missing = KeyFolder.Services
            .Select(service => Path.Combine(service, KeyFolder.Trust))
            .Append(Path.Combine(KeyFolder.Authority, KeyFolder.AuthorityKey))
            .Where(file => !File.Exists(Path.Combine(directory, file)))
            .ToArray();

        if (missing.Length > 0)
        {
            return new KeyCeremonyResult.Refused($"{directory} is not empty and has no {string.Join(", ", missing)}; nothing is overwritten. Name an empty folder.");
        }

        var trust = TrustFile.Read(Path.Combine(directory, "policy", KeyFolder.Trust));
        return trust.Domain == domain
            ? new KeyCeremonyResult.Existing(directory, domain, trust.Keys)
            : new KeyCeremonyResult.Refused($"{directory} holds the keys of the domain {trust.Domain}, not of {domain}; nothing is overwritten.");
    }

    private ImmutableArray<TrustedKey> WriteAll(string draft, string domain)
    {
        KeyFile.CreateFolder(draft);
        var authorityFolder = Path.Combine(draft, KeyFolder.Authority);
        KeyFile.CreateFolder(authorityFolder);
        using var issuer = CertificateIssuer.Create(authorityFolder, domain, clock);
        var authority = File.ReadAllBytes(Path.Combine(authorityFolder, KeyFolder.AuthorityCertificate));

        foreach (var service in KeyFolder.Services)
        {
            var folder = Path.Combine(draft, service);
            KeyFile.CreateFolder(folder);
            KeyFile.WritePublic(Path.Combine(folder, KeyFolder.AuthorityCertificate), authority);
            issuer.IssueInto(folder, service);
        }

        ImmutableArray<TrustedKey> keys =
        [
            WriteSigningSeed(draft, "policy", "policy-decision", domain),
            WriteSigningSeed(draft, "audit", "audit-receipt", domain),
        ];

        WriteRandomKey(Path.Combine(draft, "vault", KeyFolder.RootKey));
        WriteRandomKey(Path.Combine(draft, "vault", KeyFolder.TokenPepper));
        WriteRandomKey(Path.Combine(draft, "policy", KeyFolder.TokenPepper));

        var trust = new TrustFile(domain, keys).ToBytes();

        foreach (var service in KeyFolder.Services)
        {
            KeyFile.WritePublic(Path.Combine(draft, service, KeyFolder.Trust), trust);
        }

        return keys;
    }

    private TrustedKey WriteSigningSeed(string draft, string service, string use, string domain)
    {
        using var seed = SigningKey.GenerateSeed();
        KeyFile.WriteSecret(Path.Combine(draft, service, KeyFolder.SigningSeed), seed.Span);
        using var key = SigningKey.FromSeed(seed);
        var verifierKey = new NoteSigner($"{domain}/{service}", key).Verifier.ToString();

        // A minute of grace for a service whose clock is a little behind the one that ran the ceremony.
        var from = clock.GetUtcNow() - TimeSpan.FromMinutes(1);
        return new TrustedKey(use, verifierKey, from, from + SigningKeyLifetime);
    }

    private static void WriteRandomKey(string path)
    {
        using var key = SecretBytes.Random(32);
        KeyFile.WriteSecret(path, key.Span);
    }
}
