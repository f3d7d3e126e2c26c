using System.Collections.Immutable;
using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Install;

/// <summary>Puts the keys of a ceremony where each belongs.</summary>
/// <remarks>
/// The folders may be volumes of their own, into which nothing can be renamed as a whole. So the ceremony is held beside the CA's key, its
/// parts are copied, and the CA's key comes last: without it the work is done again from the same ceremony.
/// </remarks>
internal sealed class InstalledKeys(InstallationFolder folder, InstalledFiles files, TimeProvider clock)
{
    private static readonly ImmutableArray<string> OfCertificate = [KeyFolder.AuthorityCertificate, KeyFolder.LeafCertificate, KeyFolder.LeafKey];

    private string Ceremony => Path.Combine(folder.Authority, "ceremony");

    private string AuthorityKey => Path.Combine(folder.Authority, KeyFolder.AuthorityKey);

    public void Install(string domain)
    {
        if (!File.Exists(AuthorityKey))
        {
            RefuseToReplace();
            Distribute(domain);
        }

        if (Directory.Exists(Ceremony))
        {
            // It has the keys of all services, and whoever holds the CA's needs none of them.
            Directory.Delete(Ceremony, recursive: true);
        }

        Inspect(domain);
        InstallToken();
    }

    // A second ceremony would throw away the vault's root key, and with it every secret that it sealed.
    private void RefuseToReplace()
    {
        var there = KeyFolder.Services.Where(service => File.Exists(TrustOf(service))).ToList();
        if (there.Count > 0 && !Directory.Exists(Ceremony))
        {
            throw Refused($"{folder.Authority} has no CA, and there are keys of {string.Join(", ", there)} already. Put the CA's folder back; nothing is overwritten.");
        }
    }

    private void Distribute(string domain)
    {
        if (new KeyCeremony(clock).Run(Ceremony, domain) is KeyCeremonyResult.Refused refused)
        {
            throw Refused(refused.Why);
        }

        foreach (var service in KeyFolder.Services)
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Ceremony, service)))
            {
                var name = Path.GetFileName(file);
                Copy(file, Path.Combine(OfCertificate.Contains(name) ? folder.CertificateOf(service) : folder.KeysOf(service), name));
            }
        }

        // What is public: for whoever verifies logs, and for whoever issues certificates of this domain.
        Copy(Path.Combine(Ceremony, "audit", KeyFolder.Trust), Path.Combine(folder.Operator, KeyFolder.Trust));
        Copy(Path.Combine(Ceremony, "audit", KeyFolder.Trust), Path.Combine(folder.Authority, KeyFolder.Trust));
        Copy(Path.Combine(Ceremony, KeyFolder.Authority, KeyFolder.AuthorityCertificate), Path.Combine(folder.Authority, KeyFolder.AuthorityCertificate));
        Copy(Path.Combine(Ceremony, KeyFolder.Authority, KeyFolder.AuthorityKey), AuthorityKey);
    }

    private void Inspect(string domain)
    {
        var missing = KeyFolder.Services.Where(service => !File.Exists(TrustOf(service))).ToList();
        if (missing.Count > 0)
        {
            throw Refused($"The keys of {string.Join(", ", missing)} are gone from {folder.Keys}, and this CA is there. Put them back; nothing is overwritten.");
        }

        if (TrustFile.Read(TrustOf("policy")).Domain is var installed && installed != domain)
        {
            throw Refused($"{folder.Path} is an installation of the domain {installed}, not of {domain}; nothing is overwritten.");
        }
    }

    private void InstallToken()
    {
        var token = InstalledFiles.Read(Path.Combine(folder.Operator, "token")) ?? OpaqueToken.Generate(TokenKind.Access).Reveal();
        files.WriteSecret(Path.Combine(folder.Operator, "token"), token);
        files.WriteSecret(Path.Combine(folder.KeysOf("policy"), "bootstrap.token"), token);
    }

    private void Copy(string from, string to)
    {
        var isSecret = (File.GetUnixFileMode(from) & UnixFileMode.OtherRead) == 0;
        var content = File.ReadAllBytes(from);
        if (isSecret)
        {
            files.WriteSecret(to, content);
        }
        else
        {
            files.WritePublic(to, content);
        }
    }

    private string TrustOf(string service) => Path.Combine(folder.KeysOf(service), KeyFolder.Trust);

    private static ProblemException Refused(string why) => new(Problem.Here("INSTALLATION_REFUSED", why, ExitCodes.Conflict));
}
