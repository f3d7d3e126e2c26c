using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Mesh.ServiceHost;

/// <summary>Mutual TLS between services, both ends side by side.</summary>
public static class PeerTls
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    /// <summary>Options for calling a service: shows our certificate, accepts only that service's.</summary>
    public static SslClientAuthenticationOptions ClientOptions(TlsIdentity identity, string service) => new()
    {
        TargetHost = service,
        EnabledSslProtocols = SslProtocols.Tls13,
        AllowTlsResume = false,
        CertificateChainPolicy = identity.ChainPolicy(ServerPurpose),
        LocalCertificateSelectionCallback = (_, _, _, _, _) => identity.Certificate,

        // The SPIFFE id is the name that counts: replicas are reached by address, and addresses change.
        RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None
            && certificate is X509Certificate2 shown
            && SpiffeId.TryRead(shown, out var id)
            && id == new SpiffeId(identity.Domain, service),
    };

    /// <summary>Makes a listener demand a certificate of this mesh and put the caller's identity on the connection.</summary>
    internal static void UsePeerTls(this ListenOptions listener, TlsIdentity identity)
    {
        listener.Protocols = HttpProtocols.Http2;
        listener.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(ServerOptions(identity)),
            HandshakeTimeout = TimeSpan.FromSeconds(5),
        });
        listener.Use(next => connection =>
        {
            connection.Features.Set(PeerListener.Mark);

            // The handshake refused everybody without exactly one valid identity. Without one here, the gate refuses.
            if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate && SpiffeId.TryRead(certificate, out var id))
            {
                new CallerIdentity(id.Service, new DateTimeOffset(certificate.NotAfter.ToUniversalTime())).AttachTo(connection);
            }

            return next(connection);
        });
    }

    private static SslServerAuthenticationOptions ServerOptions(TlsIdentity identity) => new()
    {
        ServerCertificateContext = identity.Context,
        EnabledSslProtocols = SslProtocols.Tls13,
        ClientCertificateRequired = true,

        // A resumed session would skip the look at the certificate.
        AllowTlsResume = false,
        CertificateChainPolicy = identity.ChainPolicy(ClientPurpose),
        RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            errors == SslPolicyErrors.None
            && certificate is X509Certificate2 shown
            && SpiffeId.TryRead(shown, out var id)
            && id.Domain == identity.Domain,
    };
}
