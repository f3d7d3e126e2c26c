using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Npgsql;

namespace Mesh.Policy.Versions;

/// <summary>Policy's own copies of tools and workflows, by version. A version never changes, so what was read once stays known.</summary>
internal sealed class DefinitionStore(NpgsqlDataSource store)
{
    // Far above what one node runs; reaching it only costs reading again.
    private const int KnownMax = 10_000;

    private readonly ConcurrentDictionary<(string Tenant, string Tool, ContentDigest Digest), ToolDefinition> tools = new();
    private readonly ConcurrentDictionary<(string Tenant, string Workflow, ContentDigest Version), WorkflowDefinition> workflows = new();

    /// <summary>A tool as it was defined under this digest; null when the tenant never had it.</summary>
    public async ValueTask<ToolDefinition?> FindToolAsync(string tenant, string tool, ContentDigest digest, CancellationToken stop) =>
        tools.TryGetValue((tenant, tool, digest), out var known) ? known : Keep(tools, (tenant, tool, digest), await ReadToolAsync(tenant, tool, digest, stop));

    /// <summary>A workflow under this version; null when the tenant never had it.</summary>
    public async ValueTask<WorkflowDefinition?> FindWorkflowAsync(string tenant, string workflow, ContentDigest version, CancellationToken stop) =>
        workflows.TryGetValue((tenant, workflow, version), out var known)
            ? known
            : Keep(workflows, (tenant, workflow, version), await ReadWorkflowAsync(tenant, workflow, version, stop));

    private async Task<ToolDefinition?> ReadToolAsync(string tenant, string tool, ContentDigest digest, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            """
            select d.integration, t.canonical, i.canonical
            from tool_definition d
            join manifest t on (t.tenant_id, t.kind, t.name, t.digest) = (d.tenant_id, 'Tool', d.tool, d.tool_manifest)
            join manifest i on (i.tenant_id, i.kind, i.name, i.digest) = (d.tenant_id, 'Integration', d.integration, d.integration_manifest)
            where d.tenant_id = $1 and d.tool = $2 and d.tool_digest = $3
            """);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = tool });
        command.Parameters.Add(new() { Value = digest.ToString() });
        await using var row = await command.ExecuteReaderAsync(stop);

        if (!await row.ReadAsync(stop))
        {
            return null;
        }

        var integration = row.GetString(0);
        var toolDocument = ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(1));
        var integrationDocument = ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(2));

        // Computed again: what is evaluated is what the digest names, whatever the row says.
        return ToolDigest.Compute(toolDocument.NamedSpec, integrationDocument.NamedSpec) == digest
            ? new ToolDefinition(tool, digest, (ToolManifest)toolDocument.Content, integration, (IntegrationManifest)integrationDocument.Content)
            : null;
    }

    private async Task<WorkflowDefinition?> ReadWorkflowAsync(string tenant, string workflow, ContentDigest version, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            "select tools, tool_digests from workflow_definition where tenant_id = $1 and workflow = $2 and workflow_version = $3");
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = workflow });
        command.Parameters.Add(new() { Value = version.ToString() });
        await using var row = await command.ExecuteReaderAsync(stop);

        if (!await row.ReadAsync(stop))
        {
            return null;
        }

        var granted = row.GetFieldValue<string[]>(0).Zip(row.GetFieldValue<string[]>(1));
        return new WorkflowDefinition(
            workflow,
            version,
            granted.ToImmutableDictionary(g => g.First, g => ContentDigest.Parse(g.Second), StringComparer.Ordinal));
    }

    private static TValue? Keep<TKey, TValue>(ConcurrentDictionary<TKey, TValue> known, TKey key, TValue? value)
        where TKey : notnull
        where TValue : class
    {
        if (value is not null)
        {
            if (known.Count >= KnownMax)
            {
                known.Clear();
            }

            known[key] = value;
        }

        return value;
    }
}
