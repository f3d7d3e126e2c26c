using Mesh.Cli.Keys;

namespace Mesh.TestKit;

/// <summary>The keys of a throw-away mesh, made by the code that makes real ones. Disposing removes them.</summary>
public sealed class TestKeys : IDisposable
{
    public const string Domain = "test.mesh";

    private readonly CertificateIssuer issuer;

    private TestKeys(string directory, CertificateIssuer issuer)
    {
        Root = directory;
        this.issuer = issuer;
    }

    /// <summary>The folder that holds one folder per service.</summary>
    public string Root { get; }

    public static TestKeys Create()
    {
        var directory = Path.Combine(Path.GetTempPath(), "mesh-keys-" + Guid.NewGuid().ToString("N")[..12]);

        if (new KeyCeremony(TimeProvider.System).Run(directory, Domain) is not KeyCeremonyResult.Created)
        {
            throw new InvalidOperationException($"No keys were made in {directory}.");
        }

        return new TestKeys(directory, CertificateIssuer.Open(Path.Combine(directory, KeyFolder.Authority), Domain, TimeProvider.System));
    }

    /// <summary>A service's own folder, for MESH_KEYS.</summary>
    public string Of(string service) => Path.Combine(Root, service);

    /// <summary>Replaces a service's certificate, as the launcher does.</summary>
    public void Renew(string service) => issuer.IssueInto(Of(service), service);

    /// <summary>Replaces a service's certificate by one with other dates.</summary>
    public void Replace(string service, DateTimeOffset from, DateTimeOffset until) =>
        CertificateIssuer.Write(Of(service), issuer.Issue(service, from, until));

    public void Dispose()
    {
        issuer.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
