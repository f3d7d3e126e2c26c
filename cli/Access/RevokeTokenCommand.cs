using System.CommandLine;
using System.Text.Json.Nodes;

namespace Mesh.Cli.Access;

/// <summary><c>mesh token revoke</c>: ends a token everywhere.</summary>
internal static class RevokeTokenCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("TOKEN-ID") { Description = "Its public id, from mesh token list." };
        var command = new Command("revoke", "End a token, within a second everywhere.") { id };

        command.Runs(async (session, stop) =>
        {
            var token = session.Parse.GetRequiredValue(id);
            await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).RevokeTokenAsync(
                new Policy.V1.RevokeTokenRequest { TokenId = token }, cancellationToken: stop);
            session.Printer.Print(new JsonObject { ["tokenId"] = token, ["revoked"] = true }, token, to => to.WriteLine($"{token} revoked"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh token revoke 5f0c2a9e");
    }
}
