using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Intake;

/// <summary>The door for people: secrets go in here and never come out.</summary>
internal sealed class SecretEndpoint(PersonCheck people, SecretStore secrets, WebhookKeys webhooks, VaultSeal seal, ILogger<SecretEndpoint> log) : V1.SecretService.SecretServiceBase
{
    private const int ValueBytesMax = 64 * 1024;
    private const int RequestIdMax = 128;

    public override async Task<V1.PutSecretResponse> PutSecret(V1.PutSecretRequest request, ServerCallContext context)
    {
        using var value = Wire.TakeValue(request);
        var person = await people.VerifyAsync(context);
        var name = Check(request, value);

        if (!person.Has(request.Tenant, Role.VaultAdmin))
        {
            throw Refusals.LacksRole(Role.VaultAdmin, request.Tenant);
        }

        if (name.IsWebhook && await webhooks.MisfitAsync(request.Tenant, name, value, context.CancellationToken) is { } misfit)
        {
            throw Refusals.Invalid("value", misfit);
        }

        if (!seal.TryGetKeys(out var keys))
        {
            throw VaultRefusals.Of(Reason.VaultSealed);
        }

        var actor = $"{(person.Kind == PrincipalKind.Person ? "person" : "system")}:{person.Id}";
        var outcome = await secrets.PutAsync(request.Tenant, name, value, actor, request.RequestId, keys, context.CancellationToken);

        if (outcome is not PutOutcome.Put put)
        {
            throw Refusals.Refused(StatusCode.AlreadyExists, Reason.RequestIdReused, "This request_id was used before for another name or value.");
        }

        log.SecretPut(request.Tenant, name.ToString(), put.Secret.Version, actor);
        return new V1.PutSecretResponse { Secret = Wire.Write(put.Secret) };
    }

    public override async Task<V1.ListSecretsResponse> ListSecrets(V1.ListSecretsRequest request, ServerCallContext context)
    {
        var person = await people.VerifyAsync(context);
        var fields = new FieldCheck();
        fields.Name("tenant", request.Tenant);
        fields.Refuse();

        if (!person.Has(request.Tenant, Role.VaultAdmin))
        {
            throw Refusals.LacksRole(Role.VaultAdmin, request.Tenant);
        }

        var listed = await secrets.ListAsync(request.Tenant, context.CancellationToken);
        return new V1.ListSecretsResponse { Secrets = { listed.Select(Wire.Write) } };
    }

    private static SecretName Check(V1.PutSecretRequest request, Integrity.SecretBytes value)
    {
        var fields = new FieldCheck();
        fields.Name("tenant", request.Tenant);

        if (!SecretName.TryParse(request.Name, out var name))
        {
            fields.Add("name", $"must be {SecretName.Limit}");
        }

        if (value.Length is 0 or > ValueBytesMax)
        {
            fields.Add("value", $"must have 1 to {ValueBytesMax} bytes");
        }

        if (request.RequestId.Length > RequestIdMax)
        {
            fields.Add("request_id", $"must have at most {RequestIdMax} characters");
        }

        fields.Refuse();
        return name!.Value;
    }
}
