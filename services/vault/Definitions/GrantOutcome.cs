using Mesh.Errors.V1;

namespace Mesh.Vault.Definitions;

/// <summary>Whether the vault's own copies give a workflow the tool that a decision names.</summary>
internal abstract record GrantOutcome
{
    internal sealed record Granted(Grant Grant) : GrantOutcome;

    internal sealed record Refused(Reason Reason) : GrantOutcome;
}
