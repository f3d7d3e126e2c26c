using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Mesh.TestKit;

namespace Mesh.ServiceHost.Tests;

/// <summary>A caller with the keys of some service, or with none.</summary>
internal sealed class TestClient : IDisposable
{
    private readonly GrpcChannel channel;

    public TestClient(string address, string? keys, string callee = "policy")
    {
        channel = PlainChannel.Open($"https://{address}", Tls(keys, callee));
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = Tls(keys, callee) })
        {
            BaseAddress = new Uri($"https://{address}"),
            DefaultRequestVersion = System.Net.HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    public HttpClient Http { get; }

    public Policy.V1.IdentityService.IdentityServiceClient Identities => new(channel);

    public Policy.V1.AccessService.AccessServiceClient Access => new(channel);

    public Policy.V1.DecisionService.DecisionServiceClient Decisions => new(channel);

    /// <summary>Asks the service to behave in some way, and answers what it said.</summary>
    public async Task<string> AskAsync(string wish) =>
        (await Identities.AuthenticateAsync(new Policy.V1.AuthenticateRequest { Token = wish }, deadline: DateTime.UtcNow.AddSeconds(10))).Principal.Id;

    public void Dispose()
    {
        Http.Dispose();
        channel.Dispose();
    }

    /// <summary>The certificate that a server shows right now.</summary>
    public static async Task<string> ShownSerialAsync(string address, string keys, string callee)
    {
        var endpoint = System.Net.IPEndPoint.Parse(address);
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(endpoint, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(PeerTls.ClientOptions(new TlsIdentity(keys, TestKeys.Domain), callee), TestContext.Current.CancellationToken);
        return ((X509Certificate2)tls.RemoteCertificate!).SerialNumber;
    }

    private static SslClientAuthenticationOptions Tls(string? keys, string callee) => keys is null
        ? new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null }
        : PeerTls.ClientOptions(new TlsIdentity(keys, TestKeys.Domain), callee);
}
