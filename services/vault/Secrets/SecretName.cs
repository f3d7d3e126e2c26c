using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Mesh.Vault.Secrets;

/// <summary>The name of a secret inside its tenant: <c>integration/name</c>, or <c>webhooks/name</c>.</summary>
internal readonly partial record struct SecretName
{
    public const string Limit = "<integration>/<name> or webhooks/<name>, each part [a-z][a-z0-9-]{0,62}";

    private const string Webhooks = "webhooks";

    public SecretName(string integration, string name)
    {
        Integration = integration;
        Name = name;
    }

    public string Integration { get; }

    public string Name { get; }

    /// <summary>Signing secrets of webhooks: ingress verifies with them, no tool can be given one.</summary>
    public bool IsWebhook => Integration == Webhooks;

    public static SecretName OfWebhook(string name) => new(Webhooks, name);

    public static bool TryParse(string? text, [NotNullWhen(true)] out SecretName? name)
    {
        name = text?.Split('/') is [var integration, var own] && Part().IsMatch(integration) && Part().IsMatch(own)
            ? new SecretName(integration, own)
            : null;
        return name is not null;
    }

    public override string ToString() => $"{Integration}/{Name}";

    [GeneratedRegex("^[a-z][a-z0-9-]{0,62}\\z")]
    private static partial Regex Part();
}
