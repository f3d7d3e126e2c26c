using System.Security.Cryptography.X509Certificates;
using Mesh.Cli.Keys;

namespace Mesh.ServiceHost.Tests.Keys;

public sealed class KeyCeremonyTests : IDisposable
{
    private readonly string directory = Path.Combine(Path.GetTempPath(), "mesh-ceremony-" + Guid.NewGuid().ToString("N")[..12]);
    private readonly KeyCeremony ceremony = new(TimeProvider.System);

    public void Dispose()
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Each_service_gets_its_own_folder_with_what_it_may_know_and_no_more()
    {
        ceremony.Run(directory, "a.mesh");

        Assert.Equal(["audit", "ca", "ingress", "orchestrator", "policy", "toolrunner", "vault"], Names(directory));
        Assert.Equal(["ca.crt", "ca.key"], Names(Path.Combine(directory, "ca")));
        Assert.Equal(["ca.crt", "tls.crt", "tls.key", "trust.json"], Names(Path.Combine(directory, "orchestrator")));
        Assert.Equal(["ca.crt", "signing.seed", "tls.crt", "tls.key", "trust.json"], Names(Path.Combine(directory, "audit")));
        Assert.Equal(["ca.crt", "signing.seed", "tls.crt", "tls.key", "token.pepper", "trust.json"], Names(Path.Combine(directory, "policy")));
        Assert.Equal(["ca.crt", "root.key", "tls.crt", "tls.key", "token.pepper", "trust.json"], Names(Path.Combine(directory, "vault")));
    }

    [Fact]
    public void Secrets_can_be_read_by_their_owner_only()
    {
        ceremony.Run(directory, "a.mesh");

        string[] secrets = ["ca/ca.key", "policy/signing.seed", "policy/token.pepper", "policy/tls.key", "audit/signing.seed", "vault/root.key", "vault/token.pepper", "vault/tls.key"];
        Assert.All(secrets, file => Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(Path.Combine(directory, file))));
        Assert.All(
            Directory.GetDirectories(directory).Append(directory),
            folder => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder)));
    }

    [Fact]
    public void A_leaf_lives_a_day_and_has_one_identity()
    {
        ceremony.Run(directory, "a.mesh");

        using var leaf = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(directory, "vault", "tls.crt"));
        Assert.True(SpiffeId.TryRead(leaf, out var id));
        Assert.Equal("spiffe://a.mesh/svc/vault", id.ToString());
        Assert.InRange(leaf.NotAfter - leaf.NotBefore, TimeSpan.FromHours(24), TimeSpan.FromHours(24.1));
        Assert.Equal("ECDSA_P256", leaf.GetECDsaPublicKey() is { KeySize: 256 } ? "ECDSA_P256" : "other");
    }

    [Fact]
    public void A_second_ceremony_changes_nothing_and_says_what_is_there()
    {
        var created = Assert.IsType<KeyCeremonyResult.Created>(ceremony.Run(directory, "a.mesh"));
        var before = Contents();

        var again = Assert.IsType<KeyCeremonyResult.Existing>(ceremony.Run(directory, "a.mesh"));

        Assert.Equal(created.Keys, again.Keys);
        Assert.Equal(before, Contents());
    }

    [Fact]
    public void Keys_of_another_domain_and_folders_of_other_things_are_left_alone()
    {
        ceremony.Run(directory, "a.mesh");
        var before = Contents();

        Assert.Contains("the domain a.mesh, not of b.mesh", Assert.IsType<KeyCeremonyResult.Refused>(ceremony.Run(directory, "b.mesh")).Why, StringComparison.Ordinal);
        Assert.Equal(before, Contents());

        File.Delete(Path.Combine(directory, "ca", "ca.key"));
        Assert.Contains("is not empty and has no ca/ca.key", Assert.IsType<KeyCeremonyResult.Refused>(ceremony.Run(directory, "a.mesh")).Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("A.mesh")]
    [InlineData("a/mesh")]
    [InlineData("a.mesh\n")]
    [InlineData("-a")]
    public void A_domain_that_does_not_fit_into_an_identity_is_refused(string domain)
    {
        Assert.IsType<KeyCeremonyResult.Refused>(ceremony.Run(directory, domain));
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public void Leaves_are_replaced_when_half_of_their_life_is_over_and_not_before()
    {
        ceremony.Run(directory, "a.mesh");
        var authority = Path.Combine(directory, "ca");
        using var now = CertificateIssuer.Open(authority, "a.mesh", TimeProvider.System);
        using var later = CertificateIssuer.Open(authority, "a.mesh", new Shifted(TimeSpan.FromHours(12.1)));

        Assert.Empty(now.RenewDue(directory));
        Assert.Equal(KeyFolder.Services, later.RenewDue(directory));
        Assert.Empty(later.RenewDue(directory));
    }

    private static IEnumerable<string> Names(string folder) => Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal);

    private Dictionary<string, string> Contents() => Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, file => Convert.ToHexString(File.ReadAllBytes(file)));

    private sealed class Shifted(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }
}
