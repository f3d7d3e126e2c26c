using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Cli.Applying;

namespace Mesh.Cli.Demo;

/// <summary>Makes the throw-away mesh the shop's: its manifests, its secrets, its people.</summary>
internal sealed class DemoSetup(CallInvoker admin)
{
    public const string Tenant = "acme";

    // The only place where the sample says where its shop listens.
    private const string SamplePort = "127.0.0.1:7390";

    private readonly Policy.V1.AccessService.AccessServiceClient access = new(admin);
    private readonly Vault.V1.SecretService.SecretServiceClient secrets = new(admin);

    public async Task ApplyAsync(Sample sample, DemoShop shop, CancellationToken stop)
    {
        var address = string.Create(CultureInfo.InvariantCulture, $"{shop.Address.Host}:{shop.Address.Port}");
        var files = ManifestFiles.Read(sample.Manifests).With(text => text.Replace(SamplePort, address, StringComparison.Ordinal));
        await new ApplyFlow(admin, TextWriter.Null).RunAsync(files, dryRun: false, stop);
    }

    public async Task PutSecretsAsync(DemoShop shop, SignedWebhook webhook, CancellationToken stop)
    {
        foreach (var (area, token) in shop.Tokens)
        {
            await PutAsync($"{area}/{area}-key", token, stop);
        }

        await PutAsync("webhooks/shop-signing-key", webhook.Secret, stop);
    }

    /// <summary>A person's token.</summary>
    public async Task<string> PersonAsync(string name, string role, string? group, CancellationToken stop)
    {
        var token = await access.CreateTokenAsync(
            new Policy.V1.CreateTokenRequest
            {
                Principal = name,
                Kind = Policy.V1.Principal.Types.Kind.Person,
                Roles = { new Policy.V1.RoleGrant { Tenant = Tenant, Role = role } },
                Note = "demo",
            },
            cancellationToken: stop);
        if (group is not null)
        {
            await access.AddGroupMemberAsync(
                new Policy.V1.AddGroupMemberRequest { Tenant = Tenant, Group = group, Principal = name }, cancellationToken: stop);
        }

        return token.Token;
    }

    private async Task PutAsync(string name, string value, CancellationToken stop) => await secrets.PutSecretAsync(
        new Vault.V1.PutSecretRequest { Tenant = Tenant, Name = name, Value = ByteString.CopyFromUtf8(value), RequestId = Guid.NewGuid().ToString() },
        cancellationToken: stop);
}
