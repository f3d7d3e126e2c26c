using System.Collections.Frozen;
using System.Text.Json;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Definitions;

/// <summary>The vault's own copies of tools, integrations and workflows, by digest. What has a digest never changes.</summary>
internal sealed class DefinitionStore(NpgsqlDataSource store)
{
    private readonly DefinitionCache<(string Tenant, string Workflow, ContentDigest Version), FrozenDictionary<string, string>> workflows = new();
    private readonly DefinitionCache<(string Tenant, string Tool, ContentDigest Digest), Grant> tools = new();

    /// <summary>What the decision's tool may reach, if the decision's workflow has it and both agree with what policy signed.</summary>
    public async Task<GrantOutcome> FindGrantAsync(DecisionTicket decision, CancellationToken stop)
    {
        if (await FindWorkflowAsync(decision, stop) is not { } workflow)
        {
            return new GrantOutcome.Refused(Reason.WorkflowNotFound);
        }

        if (!workflow.TryGetValue(decision.Tool, out var digest))
        {
            return new GrantOutcome.Refused(Reason.ToolNotGranted);
        }

        if (digest != decision.ToolDigest.ToString())
        {
            return new GrantOutcome.Refused(Reason.ToolDefinitionChanged);
        }

        if (await FindToolAsync(decision, stop) is not { } grant)
        {
            return new GrantOutcome.Refused(Reason.ToolNotFound);
        }

        // Policy has a copy of its own. If the two differ in what matters, one of them was tampered with.
        return grant.Integration == decision.Integration && grant.Classes.SetEquals(decision.Classes) && IsNamed(grant, decision.SecretName)
            ? new GrantOutcome.Granted(grant)
            : new GrantOutcome.Refused(Reason.DecisionInvalid);
    }

    // The ticket may name the secret alone or with its integration, which was compared already.
    private static bool IsNamed(Grant grant, string? secret) =>
        grant.Secret is { } own ? secret == own.Name || secret == own.ToString() : secret is null;

    private async Task<FrozenDictionary<string, string>?> FindWorkflowAsync(DecisionTicket decision, CancellationToken stop)
    {
        var at = (decision.Tenant, decision.Workflow, decision.WorkflowVersion);

        if (workflows.TryGet(at, out var known))
        {
            return known;
        }

        await using var command = store.CreateCommand(
            "select tools::text from workflow_version where tenant_id = $1 and workflow = $2 and workflow_version = $3")
            .With(decision.Tenant, decision.Workflow, decision.WorkflowVersion.ToString());
        return await command.ExecuteScalarAsync(stop) is string json
            ? workflows.Keep(at, JsonSerializer.Deserialize<Dictionary<string, string>>(json)!.ToFrozenDictionary(StringComparer.Ordinal))
            : null;
    }

    private async Task<Grant?> FindToolAsync(DecisionTicket decision, CancellationToken stop)
    {
        var at = (decision.Tenant, decision.Tool, decision.ToolDigest);

        if (tools.TryGet(at, out var known))
        {
            return known;
        }

        await using var command = store.CreateCommand(
            "select tool_canonical, integration_canonical from tool_definition where tenant_id = $1 and tool = $2 and tool_digest = $3")
            .With(decision.Tenant, decision.Tool, decision.ToolDigest.ToString());
        await using var row = await command.ExecuteReaderAsync(stop);
        return await row.ReadAsync(stop)
            ? tools.Keep(at, Grant.Of(
                ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(0)),
                ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(1))))
            : null;
    }
}
