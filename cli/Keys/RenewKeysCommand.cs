using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Mesh.Cli.Install;
using Mesh.Cli.Output;

namespace Mesh.Cli.Keys;

/// <summary><c>mesh keys renew</c>: the certificates of an installation, whose CA's key only this has.</summary>
internal static class RenewKeysCommand
{
    // Twice the interval of the watch, and the rest of a renewal that was just tried.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(30);

    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "The folder that init made." };
        var watch = new Option<bool>("--watch") { Description = $"Go on, and look every {CertificateRenewal.Interval.TotalMinutes:0} minutes." };
        var check = new Option<bool>("--check") { Description = $"Renew nothing: exit with {ExitCodes.Findings} when a certificate should have been renewed and was not." };
        var command = new Command("renew", "Replace the certificates that have lived half of their 24 h. Services read the new ones by themselves.") { folder, watch, check };

        command.Runs(async (session, stop) =>
        {
            var installation = new InstallationFolder(session.Parse.GetRequiredValue(folder));
            if (session.Parse.GetValue(check))
            {
                return Check(session, installation);
            }

            using var issuer = Open(installation);
            if (session.Parse.GetValue(watch))
            {
                await RenewalOf(issuer, installation, Console.Out.WriteLine).RunAsync(stop);
                return ExitCodes.Done;
            }

            var renewed = new List<string>();
            var isDone = RenewalOf(issuer, installation, renewed.Add).RenewDue();
            Print(session, "renewed", renewed, "no certificate is due");
            return isDone ? ExitCodes.Done : ExitCodes.Error;
        });
        return command.WithExample("mesh keys renew /mesh --watch");
    }

    private static CertificateRenewal RenewalOf(CertificateIssuer issuer, InstallationFolder installation, Action<string> tell) =>
        new(issuer, installation.Certificates, tell, Console.Error.WriteLine, TimeProvider.System);

    private static int Check(Session session, InstallationFolder installation)
    {
        var overdue = KeyFolder.Services
            .Where(service => CertificateIssuer.IsOverdue(installation.CertificateOf(service), Grace, TimeProvider.System))
            .Select(service => $"the certificate of {service} was not renewed")
            .ToList();
        Print(session, "overdue", overdue, "no certificate is overdue");
        return overdue.Count == 0 ? ExitCodes.Done : ExitCodes.Findings;
    }

    private static CertificateIssuer Open(InstallationFolder installation)
    {
        try
        {
            return CertificateIssuer.Open(installation.Authority, TrustFile.Read(Path.Combine(installation.Authority, KeyFolder.Trust)).Domain, TimeProvider.System);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new ProblemException(Problem.Here("CA_NOT_FOUND", $"{installation.Authority} has no CA that can be read ({error.Message}); mesh init makes one.", ExitCodes.NotFound));
        }
    }

    private static void Print(Session session, string name, List<string> lines, string otherwise) => session.Printer.Print(
        new JsonObject { [name] = new JsonArray([.. lines.Select(line => (JsonNode)line)]) },
        string.Join('\n', lines),
        to => to.WriteLine(lines.Count == 0 ? otherwise : string.Join('\n', lines)));
}
