using System.CommandLine;
using System.Text.Json.Nodes;

namespace Mesh.Cli.Access;

/// <summary><c>mesh group remove</c>: takes a person out of a group.</summary>
internal static class RemoveFromGroupCommand
{
    public static Command Create()
    {
        var (tenant, group, person) = GroupArguments.Create();
        var command = new Command("remove", "Take a person out of a group of a tenant.") { tenant, group, person };

        command.Runs(async (session, stop) =>
        {
            var request = new Policy.V1.RemoveGroupMemberRequest
            {
                Tenant = session.Parse.GetRequiredValue(tenant),
                Group = session.Parse.GetRequiredValue(group),
                Principal = session.Parse.GetRequiredValue(person),
            };
            await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).RemoveGroupMemberAsync(request, cancellationToken: stop);
            session.Printer.Print(
                new JsonObject { ["tenant"] = request.Tenant, ["group"] = request.Group, ["principal"] = request.Principal, ["member"] = false },
                request.Principal,
                to => to.WriteLine($"{request.Principal} is not in {request.Group} of {request.Tenant}"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh group remove acme finance fiona");
    }
}
