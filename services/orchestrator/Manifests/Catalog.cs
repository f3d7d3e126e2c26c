using System.Collections.Concurrent;
using System.Collections.Frozen;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Orchestrator.Lifecycle;
using Npgsql;

namespace Mesh.Orchestrator.Manifests;

/// <summary>The orchestrator's copy of what users declared: versions by their digest, and which one new tasks get.</summary>
internal sealed class Catalog(NpgsqlDataSource store, TimeProvider clock)
{
    // Another replica's apply is seen within this time.
    private static readonly TimeSpan CurrentFor = TimeSpan.FromSeconds(1);

    private const int DefinitionsMax = 1_000;

    private readonly ConcurrentDictionary<WorkflowKey, WorkflowDefinition> definitions = new();
    private readonly ConcurrentDictionary<(string Tenant, string Name), Current<string>> versions = new();
    private readonly ConcurrentDictionary<(string Tenant, string Name), Current<WebhookManifest>> webhooks = new();

    /// <summary>The version that new tasks of a workflow get, or null when it is not declared.</summary>
    public async Task<WorkflowDefinition?> FindCurrentAsync(string tenant, string workflow, CancellationToken stop)
    {
        var version = await CurrentAsync(
            versions,
            (tenant, workflow),
            async () => await ScalarAsync<string>(
                "select version from orchestrator.workflow_current where tenant_id = $1 and workflow = $2", stop, tenant, workflow));

        return version is null ? null : await FindAsync(new WorkflowKey(tenant, workflow, version), stop);
    }

    /// <summary>A version by its digest, or null when it was never applied.</summary>
    public async Task<WorkflowDefinition?> FindAsync(WorkflowKey key, CancellationToken stop)
    {
        if (definitions.TryGetValue(key, out var known))
        {
            return known;
        }

        if (await LoadAsync(key, stop) is not { } loaded)
        {
            return null;
        }

        if (definitions.Count >= DefinitionsMax)
        {
            definitions.Clear();
        }

        return definitions.GetOrAdd(key, loaded);
    }

    public Task<WebhookManifest?> FindWebhookAsync(string tenant, string name, CancellationToken stop) => CurrentAsync(
        webhooks,
        (tenant, name),
        async () => await ScalarAsync<byte[]>(
            "select canonical from orchestrator.manifest where tenant_id = $1 and kind = 'Webhook' and name = $2", stop, tenant, name)
            is { } canonical
                ? (WebhookManifest)ManifestDocument.FromCanonical(canonical).Content
                : null);

    /// <summary>Raised when manifests were applied at this replica.</summary>
    public event Action? Applied;

    /// <summary>Called after an apply, so that this replica sees it at once.</summary>
    public void Apply()
    {
        Forget();
        Applied?.Invoke();
    }

    /// <summary>What was current may not be any more.</summary>
    public void Forget()
    {
        versions.Clear();
        webhooks.Clear();
    }

    private async Task<T?> CurrentAsync<T>(
        ConcurrentDictionary<(string, string), Current<T>> cache, (string, string) key, Func<Task<T?>> load)
        where T : class
    {
        var now = clock.GetTimestamp();

        if (cache.TryGetValue(key, out var cached) && clock.GetElapsedTime(cached.At, now) < CurrentFor)
        {
            return cached.Value;
        }

        var value = await load();
        cache[key] = new Current<T>(value, now);

        return value;
    }

    private async Task<WorkflowDefinition?> LoadAsync(WorkflowKey key, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            """
            select w.spec, d.tool, d.tool_digest, d.tool_spec, d.integration, d.integration_spec
            from orchestrator.workflow_version w
            left join unnest(w.tools, w.tool_digests) as k(tool, tool_digest) on true
            left join orchestrator.tool_definition d
              on d.tenant_id = w.tenant_id and d.tool = k.tool and d.tool_digest = k.tool_digest
            where w.tenant_id = $1 and w.workflow = $2 and w.version = $3
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = key.Tenant });
        command.Parameters.Add(new NpgsqlParameter { Value = key.Workflow });
        command.Parameters.Add(new NpgsqlParameter { Value = key.Version });
        await using var rows = await command.ExecuteReaderAsync(stop);

        CanonicalBytes? spec = null;
        var tools = new Dictionary<string, ToolDefinition>(StringComparer.Ordinal);

        while (await rows.ReadAsync(stop))
        {
            spec ??= CanonicalJson.Parse(rows.GetFieldValue<byte[]>(0));

            if (!await rows.IsDBNullAsync(1, stop))
            {
                var tool = ReadTool(key.Tenant, rows);
                tools[tool.Name] = tool;
            }
        }

        return spec is null ? null : new WorkflowDefinition
        {
            Tenant = key.Tenant,
            Name = key.Workflow,
            Version = key.Version,
            Manifest = (WorkflowManifest)Specs.Read(ManifestKind.Workflow, key.Tenant, key.Workflow, spec).Content,
            Tools = tools.ToFrozenDictionary(StringComparer.Ordinal),
        };
    }

    private static ToolDefinition ReadTool(string tenant, NpgsqlDataReader rows)
    {
        var name = rows.GetString(1);
        var spec = CanonicalJson.Parse(rows.GetFieldValue<byte[]>(3));

        return new ToolDefinition
        {
            Name = name,
            Digest = ContentDigest.Parse(rows.GetString(2)),
            Spec = spec,
            Integration = rows.GetString(4),
            IntegrationSpec = CanonicalJson.Parse(rows.GetFieldValue<byte[]>(5)),
            Manifest = (ToolManifest)Specs.Read(ManifestKind.Tool, tenant, name, spec).Content,
        };
    }

    private async Task<T?> ScalarAsync<T>(string sql, CancellationToken stop, params string[] parameters)
        where T : class
    {
        await using var command = store.CreateCommand(sql);

        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        return await command.ExecuteScalarAsync(stop) as T;
    }

    private sealed record Current<T>(T? Value, long At);
}
