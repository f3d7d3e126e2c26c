using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.ServiceHost.Tests.Identity;

public sealed class SpiffeIdTests
{
    [Theory]
    [InlineData("spiffe://a.mesh/svc/vault", true)]
    [InlineData("spiffe://a.mesh/svc/vault/", false)]
    [InlineData("spiffe://a.mesh/svc/", false)]
    [InlineData("spiffe://a.mesh/svc/vault/policy", false)]
    [InlineData("spiffe://a.mesh/agent/vault", false)]
    [InlineData("spiffe:///svc/vault", false)]
    [InlineData("spiffe://a.mesh:443/svc/vault", false)]
    [InlineData("spiffe://user@a.mesh/svc/vault", false)]
    [InlineData("spiffe://a.mesh/svc/vault?x", false)]
    [InlineData("spiffe://a.mesh/svc/Vault", false)]
    [InlineData("https://a.mesh/svc/vault", false)]
    public void Only_the_exact_form_is_an_identity(string text, bool isOne) => Assert.Equal(isOne, SpiffeId.TryParse(text, out _));

    [Fact]
    public void A_certificate_with_two_uris_has_no_identity()
    {
        using var one = CertificateWith("spiffe://a.mesh/svc/vault");
        using var two = CertificateWith("spiffe://a.mesh/svc/vault", "spiffe://a.mesh/svc/policy");

        Assert.True(SpiffeId.TryRead(one, out var id));
        Assert.Equal(new SpiffeId("a.mesh", "vault"), id);
        Assert.False(SpiffeId.TryRead(two, out _));
    }

    [Fact]
    public void A_certificate_with_only_a_dns_name_has_no_identity()
    {
        using var certificate = CertificateWith();

        Assert.False(SpiffeId.TryRead(certificate, out _));
    }

    private static X509Certificate2 CertificateWith(params string[] uris)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=spiffe://a.mesh/svc/vault", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("vault.a.mesh");

        foreach (var uri in uris)
        {
            names.AddUri(new Uri(uri));
        }

        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }
}
