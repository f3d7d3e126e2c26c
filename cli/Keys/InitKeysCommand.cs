using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;

namespace Mesh.Cli.Keys;

/// <summary><c>mesh keys init</c>: all keys of a new installation.</summary>
internal static class InitKeysCommand
{
    public static Command Create()
    {
        var folder = new Argument<string?>("DIR")
        {
            Description = "Where they go: absent, empty, or with the keys of this domain already; keys in the folder of --data unless said.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var domain = new Option<string>("--domain")
        {
            Description = "The installation's name, such as mesh.example.com.",
            DefaultValueFactory = _ => NodeKeys.Domain,
        };
        domain.Validators.Add(result =>
        {
            if (result.Tokens is [var said] && !TrustDomain.IsValid(said.Value))
            {
                result.AddError($"--domain must be {TrustDomain.Limit}.");
            }
        });
        var command = new Command("init", "Make the keys of an installation, a folder for each service. Nothing is overwritten.") { folder, domain };

        command.Runs((session, _) =>
        {
            var result = new KeyCeremony(TimeProvider.System).Run(
                session.Parse.GetValue(folder) ?? new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName).Keys,
                session.Parse.GetRequiredValue(domain));
            switch (result)
            {
                case KeyCeremonyResult.Created created:
                    Print(session, created.Directory, created.Domain, [.. created.Keys], isNew: true);
                    return Task.FromResult(ExitCodes.Done);
                case KeyCeremonyResult.Existing existing:
                    Print(session, existing.Directory, existing.Domain, [.. existing.Keys], isNew: false);
                    return Task.FromResult(ExitCodes.Done);
                default:
                    throw new ProblemException(Problem.Here("KEYS_REFUSED", ((KeyCeremonyResult.Refused)result).Why, ExitCodes.Conflict));
            }
        });
        return command.WithExample("""
            mesh keys init
            mesh keys init /etc/mesh/keys --domain mesh.example.com
            """);
    }

    private static void Print(Session session, string folder, string domain, TrustedKey[] keys, bool isNew)
    {
        var json = new JsonObject
        {
            ["directory"] = folder,
            ["domain"] = domain,
            ["created"] = isNew,
            ["keys"] = JsonSerializer.SerializeToNode(keys, JsonSerializerOptions.Web),
        };
        session.Printer.Print(json, folder, to =>
        {
            to.WriteLine($"{folder} {(isNew ? "now has the keys of" : "had the keys already of")} {domain}");
            foreach (var key in keys)
            {
                to.WriteLine($"{key.Use,-16} {key.VerifierKey}");
            }

            to.WriteLine("Keep the ca folder where no service runs, and give each service its own folder only.");
        });
    }
}
