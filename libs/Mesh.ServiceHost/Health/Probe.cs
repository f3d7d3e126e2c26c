using System.Net;
using System.Text;

namespace Mesh.ServiceHost;

/// <summary>Asks the service that runs beside it whether it is ready: the health check of a container, which has no other client.</summary>
internal static class Probe
{
    public const string Verb = "probe";

    public const string Sentence = "As the first argument: ask the service that runs here at its health address, print /readyz, and exit with 0 when it is ready, else 1.";

    // A check of readiness takes up to 2 s by itself.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public static int Run(IPEndPoint health, TextWriter to)
    {
        var at = IPAddress.Any.Equals(health.Address) ? new IPEndPoint(IPAddress.Loopback, health.Port)
            : IPAddress.IPv6Any.Equals(health.Address) ? new IPEndPoint(IPAddress.IPv6Loopback, health.Port)
            : health;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };

        try
        {
            using var answer = http.Send(new HttpRequestMessage(HttpMethod.Get, $"http://{at}/readyz"));
            using var body = new StreamReader(answer.Content.ReadAsStream(), Encoding.UTF8);
            to.WriteLine(body.ReadToEnd());
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception silent) when (silent is HttpRequestException or IOException or OperationCanceledException)
        {
            to.WriteLine($"{at} does not answer: {silent.Message}");
            return 1;
        }
    }
}
