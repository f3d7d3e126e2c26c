using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Bus.Rabbit;
using Mesh.Facts.V1;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Postgres.Tests.Bus;

/// <summary>A broker behind TLS, on a port that is not 5671.</summary>
public sealed class RabbitTlsTests : IAsyncLifetime
{
    private const string UrlVariable = "MESH_TEST_AMQPS_URL";

    private OwnRabbit? server;
    private TlsFront? front;
    private TlsFront? turncoat;

    public async ValueTask InitializeAsync()
    {
        // The child of a test has its broker already.
        if (Environment.GetEnvironmentVariable(UrlVariable) is null)
        {
            server = await OwnRabbit.StartAsync();
            front = new TlsFront(server.Url.Port);
            turncoat = new TlsFront(server.Url.Port, honest: 1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await (front?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (turncoat?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Theory]
    [InlineData("localhost", true, false, true)]
    [InlineData("localhost", false, false, false)]
    [InlineData("127.0.0.1", true, false, false)]
    [InlineData("localhost", true, true, false)]
    public async Task Messages_go_only_to_a_broker_whose_name_an_authority_that_is_trusted_says(string host, bool isTrusted, bool turns, bool isTaken)
    {
        if (Environment.GetEnvironmentVariable(UrlVariable) is { } url)
        {
            await SendAsync(new Uri(url));
            return;
        }

        var door = turns ? turncoat! : front!;
        using var folder = new OpenFolder();
        var authority = Path.Combine(folder.Path, "ca.pem");
        await File.WriteAllTextAsync(authority, door.Authority, TestContext.Current.CancellationToken);

        // Which authorities are trusted is read once in the life of a process, so this test is played by a child that knows the broker's url.
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--filter-method", $"*{nameof(Messages_go_only_to_a_broker_whose_name_an_authority_that_is_trusted_says)}", "--output", "Detailed"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[UrlVariable] = new UriBuilder(server!.Url) { Scheme = "amqps", Host = host, Port = door.Port }.Uri.ToString();
        start.Environment["SSL_CERT_FILE"] = isTrusted ? authority : "/dev/null";
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        _ = child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        try
        {
            await child.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        }
        finally
        {
            child.Kill(entireProcessTree: true);
        }

        var said = await output;
        Assert.Equal(isTaken, child.ExitCode == 0);
        Assert.Contains(isTaken ? "failed: 0" : "The remote certificate was rejected", said, StringComparison.Ordinal);

        // Refused by the connection that comes first, and by the one that carries messages: both are told the password.
        Assert.Equal(turns, said.Contains("MassTransit.RabbitMqConnectionException", StringComparison.Ordinal));
    }

    private static async Task SendAsync(Uri broker)
    {
        var message = new Envelope(Guid.CreateVersion7(), "acme", "k", 1, TaskFactBatch.Descriptor.FullName, null, []);
        await using var sender = new RabbitSender(broker, NullLoggerFactory.Instance);

        Assert.Equal([message.Id], await sender.SendAsync([message], TestContext.Current.CancellationToken));
    }

    /// <summary>Speaks TLS as <c>localhost</c>, after some connections as somebody else, and hands what it hears to a port of this machine.</summary>
    private sealed class TlsFront : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource ending = new();
        private readonly X509Certificate2 certificate;
        private readonly X509Certificate2 other;
        private readonly int honest;
        private int served;
        private readonly Task accepting;

        public TlsFront(int behind, int honest = int.MaxValue)
        {
            this.honest = honest;
            using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var authority = new CertificateRequest("CN=authority of a test", authorityKey, HashAlgorithmName.SHA256);
            authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
            using var root = authority.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
            Authority = root.ExportCertificatePem();

            certificate = Certify(root, "localhost");
            other = Certify(root, "elsewhere.test");

            listener.Start();
            accepting = AcceptAsync(behind);
        }

        public string Authority { get; }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public async ValueTask DisposeAsync()
        {
            await ending.CancelAsync();
            await accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            listener.Dispose();
            certificate.Dispose();
            other.Dispose();
            ending.Dispose();
        }

        private static X509Certificate2 Certify(X509Certificate2 authority, string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            using var signed = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));

            return signed.CopyWithPrivateKey(key);
        }

        private async Task AcceptAsync(int behind)
        {
            var open = new List<Task>();

            try
            {
                while (true)
                {
                    open.Add(ServeAsync(await listener.AcceptTcpClientAsync(ending.Token), behind));
                }
            }
            finally
            {
                await Task.WhenAll(open).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        private async Task ServeAsync(TcpClient accepted, int behind)
        {
            using var client = accepted;
            await using var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Interlocked.Increment(ref served) <= honest ? certificate : other }, ending.Token);
            using var broker = new TcpClient();
            await broker.ConnectAsync(IPAddress.Loopback, behind, ending.Token);
            await Task.WhenAny(tls.CopyToAsync(broker.GetStream(), ending.Token), broker.GetStream().CopyToAsync(tls, ending.Token));
        }
    }
}
