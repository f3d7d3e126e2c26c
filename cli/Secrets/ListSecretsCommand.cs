using System.CommandLine;

namespace Mesh.Cli.Secrets;

/// <summary><c>mesh secret list</c>: names, versions and times.</summary>
internal static class ListSecretsCommand
{
    public static Command Create()
    {
        var command = new Command("list", "List secrets: names, versions and times, never a value.");

        command.Runs(async (session, stop) =>
        {
            var answer = await new Vault.V1.SecretService.SecretServiceClient(session.Mesh).ListSecretsAsync(
                new Vault.V1.ListSecretsRequest { Tenant = await session.TenantAsync(stop) }, cancellationToken: stop);
            session.Printer.PrintList(answer.Secrets, SecretView.List);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh secret list --tenant acme");
    }
}
