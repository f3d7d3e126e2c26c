using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace Mesh.TestKit;

/// <summary>Somebody who speaks to the services' own ports, with a certificate of their choice or with none.</summary>
public sealed class PeerCaller : IDisposable
{
    private static readonly string[] Services = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner"];

    private readonly Dictionary<string, GrpcChannel> channels;
    private readonly X509Certificate2? certificate;

    private PeerCaller(DevMesh node, X509Certificate2? certificate)
    {
        this.certificate = certificate;
        var first = new Uri(node.ReadRun().Http).Port + 10;
        channels = Services.Index().ToDictionary(each => each.Item, each => PlainChannel.Open(
            $"https://127.0.0.1:{first + each.Index}", Tls()));
    }

    /// <summary>With the certificate of a service of this mesh.</summary>
    public static PeerCaller Of(DevMesh node, string service) => Of(node, Path.Combine(node.Data, "keys"), service);

    /// <summary>With the certificate of a service of some mesh.</summary>
    public static PeerCaller Of(DevMesh node, string keys, string service) => new(
        node, X509Certificate2.CreateFromPemFile(Path.Combine(keys, service, "tls.crt"), Path.Combine(keys, service, "tls.key")));

    public static PeerCaller WithoutCertificate(DevMesh node) => new(node, null);

    public CallInvoker To(string service) => channels[service].CreateCallInvoker();

    public void Dispose()
    {
        foreach (var channel in channels.Values)
        {
            channel.Dispose();
        }

        certificate?.Dispose();
    }

    // Whoever attacks does not ask whether the server is the right one.
    private SslClientAuthenticationOptions Tls() => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
        RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
    };
}
