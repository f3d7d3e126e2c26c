using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli.Access;

/// <summary><c>mesh group list</c>: a tenant's groups and who is in them.</summary>
internal static class ListGroupsCommand
{
    private static readonly Table<Policy.V1.Group> Groups = new(
        group => group.Name,
        new("group", group => group.Name),
        new("members", group => string.Join(", ", group.Members)));

    public static Command Create()
    {
        var command = new Command("list", "List a tenant's groups and who is in them.");

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).ListGroupsAsync(
                new Policy.V1.ListGroupsRequest { Tenant = await session.TenantAsync(stop) }, cancellationToken: stop);
            session.Printer.PrintList(answer.Groups, Groups);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh group list --tenant acme");
    }
}
