using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Cli.Dev;
using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Npgsql;

namespace Mesh.Cli.Install;

/// <summary><c>mesh init</c>: what the services of an installation find when they start, a folder for each.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "Where it goes. Its folders may be volumes, each given to whom it is for." };
        var domain = new Option<string>("--domain") { Description = "The installation's name, such as mesh.example.com.", DefaultValueFactory = _ => NodeKeys.Domain };
        var postgres = new Option<string?>("--postgres")
        {
            Description = "A superuser's connection, as Npgsql takes it (MESH_POSTGRES, MESH_POSTGRES_FILE). Without a password in it, a new server is prepared: the password is made and written for it.",
            HelpName = "CONNECTION",
        };
        var rabbitmq = new Option<string?>("--bus-url")
        {
            Description = "An amqp URL (MESH_BUS_URL, MESH_BUS_URL_FILE), where the bus is RabbitMQ. Without a user in it, a new broker is prepared: its user and that one's permissions are written for it.",
            HelpName = "URL",
        };
        domain.Validators.Add(result =>
        {
            if (result.Tokens is [var said] && !TrustDomain.IsValid(said.Value))
            {
                result.AddError($"--domain must be {TrustDomain.Limit}.");
            }
        });
        var command = new Command("init", "Make what services find when they start: keys, certificates, connections with passwords, the first token. Safe to repeat: what is there is kept.")
        {
            folder, domain, postgres, rabbitmq,
        };

        command.Runs((session, _) =>
        {
            var installation = new InstallationFolder(session.Parse.GetRequiredValue(folder));
            var superuser = Connection(session.Parse.GetValue(postgres) ?? Setting.Read("MESH_POSTGRES"));
            var broker = session.Parse.GetValue(rabbitmq) ?? Setting.Read("MESH_BUS_URL");
            var files = new InstalledFiles();
            new InstalledKeys(installation, files, TimeProvider.System).Install(session.Parse.GetRequiredValue(domain));
            new InstalledStores(installation, files).Install(superuser);
            if (broker is not null)
            {
                new InstalledBroker(installation, files).Install(Broker(broker));
            }

            session.Printer.Print(
                new JsonObject { ["directory"] = installation.Path, ["written"] = new JsonArray([.. files.Written.Select(file => (JsonNode)file)]) },
                installation.Path,
                to => to.WriteLine(files.Written.Count == 0 ? $"{installation.Path} has everything" : $"{installation.Path}: {files.Written.Count} files written"));
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExample("""
            mesh init /mesh --domain mesh.example.com --postgres "Host=postgres;Database=mesh;Username=postgres" --bus-url amqp://rabbitmq:5672/mesh
            """);
    }

    private static NpgsqlConnectionStringBuilder Connection(string? text)
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(text);
            return connection is { Host.Length: > 0, Username.Length: > 0, Database.Length: > 0 }
                ? connection
                : throw new ArgumentException("Host, Username or Database is missing.");
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            throw new ProblemException(Problem.Usage($"--postgres (MESH_POSTGRES) must be a connection such as Host=db;Database=mesh;Username=postgres: {error.Message}"));
        }
    }

    // The text may hold a password: it is not repeated in what is said about it.
    private static Uri Broker(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "amqp" or "amqps"
            ? url
            : throw new ProblemException(Problem.Usage("--bus-url (MESH_BUS_URL) must be amqp://host:port/vhost, or amqps, with user:password@ where the broker has a user already."));
}
