using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Cli.Dev;

namespace Mesh.Cli.Install;

/// <summary>The services' way to RabbitMQ, and what a new broker is told about them.</summary>
internal sealed class InstalledBroker(InstallationFolder folder, InstalledFiles files)
{
    private const string User = "mesh";

    // Nothing but what Mesh declares: its queues, its exchanges, one for each type of message.
    private const string Ours = "^mesh\\.";

    /// <param name="url">Where the broker is. Without a user, it is a new one, and gets one user here who may use this virtual host.</param>
    public void Install(Uri url)
    {
        if (url.UserInfo.Length == 0)
        {
            var known = InstalledFiles.Read(FileOf("orchestrator")) is { } text ? new Uri(text).UserInfo.Split(':')[^1] : null;
            var password = known ?? InstalledStores.NewPassword();
            url = new UriBuilder(url) { UserName = User, Password = password }.Uri;
            Describe(Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/')) is { Length: > 0 } host ? host : "/", password);
        }

        // Ingress keeps nothing, and puts webhooks on the broker while no orchestrator answers.
        foreach (var service in Service.All.Where(service => service.HasStore).Select(service => service.Name).Append("ingress"))
        {
            files.WriteSecret(FileOf(service), url.ToString());
        }
    }

    private string FileOf(string service) => Path.Combine(folder.KeysOf(service), "bus");

    private void Describe(string virtualHost, string password)
    {
        var definitions = Path.Combine(folder.Rabbitmq, "definitions.json");
        var described = new JsonObject
        {
            ["vhosts"] = new JsonArray(new JsonObject { ["name"] = virtualHost }),
            ["users"] = new JsonArray(new JsonObject
            {
                ["name"] = User,
                ["password_hash"] = HashOf(password),
                ["hashing_algorithm"] = "rabbit_password_hashing_sha256",
                ["tags"] = "",
            }),
            ["permissions"] = new JsonArray(new JsonObject
            {
                ["user"] = User,
                ["vhost"] = virtualHost,
                ["configure"] = Ours,
                ["write"] = Ours,
                ["read"] = Ours,
            }),
        };
        files.WriteGroupSecret(definitions, described.ToJsonString());
        files.WriteGroupSecret(Path.Combine(folder.Rabbitmq, "rabbitmq.conf"), $"""
            # With definitions of its own, a broker makes no guest.
            load_definitions = {definitions}
            listeners.tcp.default = 5672
            log.console = true
            log.console.level = warning

            """);
    }

    // RabbitMQ's own form: a salt of four bytes before what is hashed, and before the hash. Taken from the password, which is random,
    // so that a repeated run writes the same.
    private static string HashOf(string password)
    {
        var salt = SHA256.HashData(Encoding.UTF8.GetBytes($"salt {password}"))[..4];
        return Convert.ToBase64String([.. salt, .. SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(password)])]);
    }
}
