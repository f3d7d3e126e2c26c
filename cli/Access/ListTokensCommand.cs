using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli.Access;

/// <summary><c>mesh token list</c>: tokens by their public ids.</summary>
internal static class ListTokensCommand
{
    private static readonly Table<Policy.V1.Token> Tokens = new(
        token => token.TokenId,
        new("token", token => token.TokenId),
        new("principal", token => token.Principal),
        new("created", token => Told.Time(token.CreatedAt)),
        new("expires", token => Told.Time(token.ExpiresAt)),
        new("revoked", token => Told.Time(token.RevokedAt)),
        new("note", token => token.Note));

    public static Command Create()
    {
        var principal = new Option<string>("--principal") { Description = "Only this person's or system's.", DefaultValueFactory = _ => "" };
        var command = new Command("list", "List tokens by their public ids; never a token itself.") { principal };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).ListTokensAsync(
                new Policy.V1.ListTokensRequest { Principal = session.Parse.GetValue(principal) ?? "" }, cancellationToken: stop);
            session.Printer.PrintList(answer.Tokens, Tokens);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh token list --principal fiona");
    }
}
