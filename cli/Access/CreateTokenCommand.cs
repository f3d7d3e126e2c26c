using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Mesh.Cli.Output;

namespace Mesh.Cli.Access;

/// <summary><c>mesh token create</c>: a token for a person or a system, shown once.</summary>
internal static class CreateTokenCommand
{
    public static Command Create()
    {
        var principal = new Argument<string>("PRINCIPAL") { Description = "The person's or system's name; made when it is new." };
        var kind = new Option<string>("--kind") { Description = "person or system.", DefaultValueFactory = _ => "person" };
        kind.AcceptOnlyFromAmong("person", "system");
        var roles = new Option<Policy.V1.RoleGrant[]>("--role")
        {
            Description = "A role to grant, TENANT:ROLE or *:ROLE: viewer, operator, approver, policy-admin, vault-admin, auditor, admin. May be repeated.",
            HelpName = "TENANT:ROLE",
            CustomParser = result =>
            {
                var grants = new List<Policy.V1.RoleGrant>();
                foreach (var token in result.Tokens)
                {
                    if (token.Value.Split(':') is [{ Length: > 0 } tenant, { Length: > 0 } role])
                    {
                        grants.Add(new Policy.V1.RoleGrant { Tenant = tenant, Role = role });
                    }
                    else
                    {
                        result.AddError($"--role must be TENANT:ROLE, such as acme:operator, not '{token.Value}'.");
                    }
                }

                return [.. grants];
            },
        };
        var expires = LengthOfTime.Option("--expires", "How long it is good for; 90d unless said, at most 365d.");
        var note = new Option<string>("--note") { Description = "What it is for, for people.", DefaultValueFactory = _ => "" };
        var command = new Command("create", "Create a token. It is shown once, and only its hash is kept.") { principal, kind, roles, expires, note };

        command.Runs(async (session, stop) =>
        {
            var request = new Policy.V1.CreateTokenRequest
            {
                Principal = session.Parse.GetRequiredValue(principal),
                Kind = session.Parse.GetValue(kind) == "system" ? Policy.V1.Principal.Types.Kind.System : Policy.V1.Principal.Types.Kind.Person,
                Roles = { session.Parse.GetValue(roles) ?? [] },
                Note = session.Parse.GetValue(note) ?? "",
            };
            if (session.Parse.GetValue(expires) is { } length)
            {
                request.ExpiresAt = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow() + length);
            }

            var token = await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).CreateTokenAsync(request, cancellationToken: stop);
            session.Printer.Print(token, one => one.Token, (to, one) =>
            {
                to.WriteLine(one.Token);
                Console.Error.WriteLine($"token {one.TokenId}, good until {Told.Time(one.ExpiresAt)}; it is not shown again");
            });
            return ExitCodes.Done;
        });
        return command.WithExample("""
            mesh token create fiona --role acme:approver
            MESH_TOKEN=$(mesh token create ci --kind system --role acme:operator -o name) mesh task list
            """);
    }
}
