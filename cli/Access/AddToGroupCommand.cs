using System.CommandLine;
using System.Text.Json.Nodes;

namespace Mesh.Cli.Access;

/// <summary><c>mesh group add</c>: puts a person into a group.</summary>
internal static class AddToGroupCommand
{
    public static Command Create()
    {
        var (tenant, group, person) = GroupArguments.Create();
        var command = new Command("add", "Put a person into a group of a tenant; the group is made when it is new.") { tenant, group, person };

        command.Runs(async (session, stop) =>
        {
            var request = new Policy.V1.AddGroupMemberRequest
            {
                Tenant = session.Parse.GetRequiredValue(tenant),
                Group = session.Parse.GetRequiredValue(group),
                Principal = session.Parse.GetRequiredValue(person),
            };
            await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).AddGroupMemberAsync(request, cancellationToken: stop);
            session.Printer.Print(
                new JsonObject { ["tenant"] = request.Tenant, ["group"] = request.Group, ["principal"] = request.Principal, ["member"] = true },
                request.Principal,
                to => to.WriteLine($"{request.Principal} is in {request.Group} of {request.Tenant}"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh group add acme finance fiona");
    }
}
