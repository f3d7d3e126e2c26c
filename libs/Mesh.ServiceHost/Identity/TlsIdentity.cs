using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.ServiceHost;

/// <summary>This service's certificate and the CA that it trusts, read again when the files change.</summary>
/// <remarks>Handshakes ask here each time, so a renewed certificate needs no restart and no signal.</remarks>
public sealed class TlsIdentity
{
    private readonly string certificatePath;
    private readonly string keyPath;
    private readonly string authorityPath;
    private readonly Lock reading = new();
    private volatile Material current;

    /// <summary>Reads the files of a folder of keys; throws when they are absent or do not fit together.</summary>
    public TlsIdentity(string keysFolder, string domain)
    {
        Domain = domain;
        certificatePath = Path.Combine(keysFolder, "tls.crt");
        keyPath = Path.Combine(keysFolder, "tls.key");
        authorityPath = Path.Combine(keysFolder, "ca.crt");
        current = Read();
    }

    /// <summary>The trust domain of this mesh.</summary>
    public string Domain { get; }

    /// <summary>The certificate that peers are shown now.</summary>
    public X509Certificate2 Certificate => Current().Leaf;

    /// <summary>The certificate that peers are shown now, prepared for handshakes.</summary>
    public SslStreamCertificateContext Context => Current().Context;

    /// <summary>How a peer's chain is judged: by this mesh's CA alone, never by the machine's store, and without any look-up.</summary>
    public X509ChainPolicy ChainPolicy(string purpose)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(Current().Authority);
        policy.ApplicationPolicy.Add(new Oid(purpose));
        return policy;
    }

    private Material Current()
    {
        // Three stat calls per handshake are nothing beside the handshake.
        if (Stamp() == current.Stamp)
        {
            return current;
        }

        lock (reading)
        {
            if (Stamp() != current.Stamp)
            {
                try
                {
                    current = Read();
                }
                catch (Exception e) when (e is CryptographicException or IOException or ArgumentException or UnauthorizedAccessException)
                {
                    // Key and certificate are two files. Between their renames they do not fit: the old pair still does.
                }
            }
        }

        return current;
    }

    private Material Read()
    {
        var stamp = Stamp();
        var leaf = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        var authority = X509CertificateLoader.LoadCertificateFromFile(authorityPath);
        return new Material(leaf, authority, SslStreamCertificateContext.Create(leaf, null, offline: true), stamp);
    }

    private (DateTime, DateTime, DateTime) Stamp() =>
        (File.GetLastWriteTimeUtc(certificatePath), File.GetLastWriteTimeUtc(keyPath), File.GetLastWriteTimeUtc(authorityPath));

    private sealed record Material(
        X509Certificate2 Leaf,
        X509Certificate2 Authority,
        SslStreamCertificateContext Context,
        (DateTime, DateTime, DateTime) Stamp);
}
