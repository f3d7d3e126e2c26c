using System.CommandLine;
using Google.Protobuf;

namespace Mesh.Cli.Secrets;

/// <summary><c>mesh secret put</c>: stores a secret that is never shown again.</summary>
internal static class PutSecretCommand
{
    public static Command Create()
    {
        var tenant = new Argument<string>("TENANT") { Description = "Whose secret it is." };
        var name = new Argument<string>("NAME") { Description = "INTEGRATION/NAME or webhooks/NAME, as the manifest says." };
        var command = new Command(
            "put",
            "Store a secret. The value comes from a hidden prompt, or from standard input, of which one newline at the end is cut off.")
        {
            tenant,
            name,
        };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Vault.V1.SecretService.SecretServiceClient(session.Mesh).PutSecretAsync(
                new Vault.V1.PutSecretRequest
                {
                    Tenant = session.Parse.GetRequiredValue(tenant),
                    Name = session.Parse.GetRequiredValue(name),
                    Value = UnsafeByteOperations.UnsafeWrap(SecretInput.Read(session.Parse.GetRequiredValue(name))),
                    RequestId = Guid.NewGuid().ToString(),
                },
                cancellationToken: stop);
            session.Printer.Print(
                answer.Secret, secret => secret.Name, (to, secret) => to.WriteLine($"{secret.Name} stored as version {secret.Version}"));
            return ExitCodes.Done;
        });
        return command.WithExample("printf %s \"$PAYMENTS_KEY\" | mesh secret put acme payments/payments-key");
    }
}
