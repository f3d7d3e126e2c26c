using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Mesh.Cli.Keys;

/// <summary>Issues the TLS certificates of the services from the private CA of one mesh.</summary>
/// <remarks>Only the launcher opens the CA's folder. Leaves live a day and are replaced at half of it.</remarks>
internal sealed class CertificateIssuer : IDisposable
{
    public static readonly TimeSpan LeafLifetime = TimeSpan.FromHours(24);

    // A service whose clock is a little behind must not find a certificate that is not valid yet.
    private static readonly TimeSpan Backdating = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);

    private readonly X509Certificate2 authority;
    private readonly TimeProvider clock;

    private CertificateIssuer(X509Certificate2 authority, string domain, TimeProvider clock)
    {
        this.authority = authority;
        this.clock = clock;
        Domain = domain;
    }

    public string Domain { get; }

    /// <summary>Creates a new CA in its folder and opens it.</summary>
    public static CertificateIssuer Create(string authorityFolder, string domain, TimeProvider clock)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Mesh CA {domain}", key, HashAlgorithmName.SHA256);

        // A path length of zero: the CA can sign leaves, and no other CA.
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));

        var alternatives = new SubjectAlternativeNameBuilder();
        alternatives.AddUri(new Uri($"spiffe://{domain}"));
        request.CertificateExtensions.Add(alternatives.Build());

        var from = clock.GetUtcNow() - TimeSpan.FromHours(1);
        using var certificate = request.CreateSelfSigned(from, from + AuthorityLifetime);

        KeyFile.WriteSecret(Path.Combine(authorityFolder, KeyFolder.AuthorityKey), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
        KeyFile.WritePublic(Path.Combine(authorityFolder, KeyFolder.AuthorityCertificate), Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()));
        return Open(authorityFolder, domain, clock);
    }

    public static CertificateIssuer Open(string authorityFolder, string domain, TimeProvider clock)
    {
        var authority = X509Certificate2.CreateFromPemFile(
            Path.Combine(authorityFolder, KeyFolder.AuthorityCertificate),
            Path.Combine(authorityFolder, KeyFolder.AuthorityKey));
        return new CertificateIssuer(authority, domain, clock);
    }

    /// <summary>Signs a leaf with the identity <c>spiffe://domain/svc/service</c> for the next day.</summary>
    public IssuedLeaf Issue(string service)
    {
        var now = clock.GetUtcNow();
        return Issue(service, now - Backdating, now + LeafLifetime);
    }

    public IssuedLeaf Issue(string service, DateTimeOffset from, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={service}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));

        var alternatives = new SubjectAlternativeNameBuilder();
        alternatives.AddUri(new Uri($"spiffe://{Domain}/svc/{service}"));
        request.CertificateExtensions.Add(alternatives.Build());

        // RFC 5280 wants a positive serial number of at most 20 bytes.
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7f | 0x01);

        using var certificate = request.Create(authority, from, until, serial);
        return new IssuedLeaf(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), until);
    }

    /// <summary>Issues a leaf and puts it into the service's folder, in the place of the old one.</summary>
    public void IssueInto(string serviceFolder, string service) => Write(serviceFolder, Issue(service));

    /// <summary>Replaces the leaves that have lived half of their life, and names their services.</summary>
    public IReadOnlyList<string> RenewDue(string keysFolder) => [.. KeyFolder.Services.Where(service => RenewIfDue(keysFolder, service))];

    /// <summary>Replaces the leaf of one service if it has lived half of its life.</summary>
    public bool RenewIfDue(string keysFolder, string service)
    {
        var folder = Path.Combine(keysFolder, service);
        var isDue = IsOverdue(folder, TimeSpan.Zero, clock);

        if (isDue)
        {
            IssueInto(folder, service);
        }

        return isDue;
    }

    public void Dispose() => authority.Dispose();

    internal static void Write(string serviceFolder, IssuedLeaf leaf)
    {
        // Two renames cannot be one. A reader that finds a key which does not fit keeps what it had, and looks again.
        KeyFile.WriteSecret(Path.Combine(serviceFolder, KeyFolder.LeafKey), Encoding.ASCII.GetBytes(leaf.KeyPem));
        KeyFile.WritePublic(Path.Combine(serviceFolder, KeyFolder.LeafCertificate), Encoding.ASCII.GetBytes(leaf.CertificatePem));
    }

    /// <summary>Whether the leaf is gone, or has lived half of its life and some more.</summary>
    public static bool IsOverdue(string serviceFolder, TimeSpan grace, TimeProvider clock)
    {
        var path = Path.Combine(serviceFolder, KeyFolder.LeafCertificate);

        if (!File.Exists(path))
        {
            return true;
        }

        using var leaf = X509CertificateLoader.LoadCertificateFromFile(path);
        var from = new DateTimeOffset(leaf.NotBefore.ToUniversalTime());
        var until = new DateTimeOffset(leaf.NotAfter.ToUniversalTime());
        return clock.GetUtcNow() >= from + ((until - from) / 2) + grace;
    }
}
