using System.CommandLine;

namespace Mesh.Cli.Access;

/// <summary><c>mesh whoami</c>: whom the mesh takes the caller for.</summary>
internal static class WhoAmICommand
{
    public static Command Create()
    {
        var command = new Command("whoami", "Show whom the mesh takes you for, and what you may do.");

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).WhoAmIAsync(new(), cancellationToken: stop);
            session.Printer.Print(answer.Principal, principal => principal.Id, (to, principal) =>
            {
                to.WriteLine($"{principal.Kind.ToString().ToLowerInvariant()} {principal.Id}");
                to.WriteLine($"roles   {string.Join(", ", principal.Roles.Select(grant => $"{grant.Tenant}:{grant.Role}"))}");
                to.WriteLine($"groups  {string.Join(", ", principal.Groups.Select(group => $"{group.Tenant}:{group.Group}"))}");
                to.WriteLine($"token   {principal.TokenId}");
            });
            return ExitCodes.Done;
        });
        return command.WithExample("mesh whoami");
    }
}
