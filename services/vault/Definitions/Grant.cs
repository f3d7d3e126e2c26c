using System.Collections.Immutable;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Definitions;

/// <summary>What a tool may reach and with which secret, by the vault's own copy of the manifests.</summary>
internal sealed record Grant(string Integration, IntegrationManifest Target, SecretName? Secret, ImmutableHashSet<string> Classes)
{
    public static Grant Of(ManifestDocument tool, ManifestDocument integration)
    {
        var target = (IntegrationManifest)integration.Content;
        return new Grant(
            integration.Name,
            target,
            target.Credential is { } credential ? new SecretName(integration.Name, credential.Secret) : null,
            [.. ((ToolManifest)tool.Content).Classes.Select(toolClass => toolClass.Word())]);
    }
}
