using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Npgsql;

namespace Mesh.Orchestrator.Manifests;

/// <summary>Applies a set of manifests to the orchestrator's copy, all or nothing.</summary>
internal sealed class CatalogWriter(NpgsqlDataSource store, Catalog catalog)
{
    /// <summary>Checks the documents against each other and against what is there, and writes them unless only asked to check.</summary>
    /// <param name="documents">All of them are taken, or none.</param>
    /// <param name="generation">Their place among the applies of their tenants; null when they have none and are taken as they come.</param>
    /// <param name="actor">Who applies them.</param>
    /// <param name="validateOnly">Whether it is only asked what would come of it.</param>
    /// <param name="stop">Ends the work.</param>
    public async Task<CatalogChange> ApplyAsync(
        IReadOnlyList<ManifestDocument> documents, long? generation, string actor, bool validateOnly, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // One apply at a time: what is checked here must still be so when it is written.
        await ExecuteAsync(connection, "select pg_advisory_xact_lock(7301)", stop);

        string[] tenants = [.. documents.Select(d => d.Tenant).Distinct()];

        if (generation is { } place && await ManifestGenerations.FindLaterAsync(connection, tenants, place, stop) is { } overtaken)
        {
            return new CatalogChange.Overtaken(overtaken);
        }

        var known = await ReadAsync(connection, tenants, stop);

        // Policy was asked before, and says what is wrong with a policy set once.
        var check = ManifestSet.Check([.. documents.Where(d => d.Kind != ManifestKind.PolicySet)], known.Values);
        var errors = check.Errors.ToList();
        await CheckBundlesAsync(connection, documents, errors, stop);

        if (errors.Count > 0)
        {
            return new CatalogChange.Refused(errors);
        }

        var changes = documents.Select(d => new AppliedDocument(d, ChangeOf(d, known))).ToList();

        if (!validateOnly)
        {
            foreach (var document in changes.Where(c => c.Change != DocumentChange.Unchanged).Select(c => c.Document))
            {
                await PutAsync(connection, document, actor, stop);
                known[Key(document)] = document;
            }

            await ResolveAsync(connection, known, stop);

            if (generation is { } taken)
            {
                await ManifestGenerations.SetAsync(connection, tenants, taken, stop);
            }

            await transaction.CommitAsync(stop);
            catalog.Apply();
        }

        return new CatalogChange.Done(changes, check.Remarks);
    }

    // Every workflow of the tenants is resolved again: a changed tool or integration gives its workflows a new version too.
    private static async Task ResolveAsync(
        NpgsqlConnection connection, Dictionary<DocumentKey, ManifestDocument> known, CancellationToken stop)
    {
        foreach (var workflow in known.Values.Where(d => d.Kind == ManifestKind.Workflow))
        {
            var tools = new List<(string Tool, ContentDigest Digest)>();

            foreach (var name in ((WorkflowManifest)workflow.Content).Tools)
            {
                var tool = known[new DocumentKey(ManifestKind.Tool, workflow.Tenant, name)];
                var integration = known[new DocumentKey(ManifestKind.Integration, workflow.Tenant, ((ToolManifest)tool.Content).Integration)];
                var digest = ToolDigest.Compute(tool.NamedSpec, integration.NamedSpec);
                tools.Add((name, digest));
                await ExecuteAsync(
                    connection,
                    """
                    insert into orchestrator.tool_definition(tenant_id, tool, tool_digest, tool_spec, integration, integration_spec)
                    values ($1, $2, $3, $4, $5, $6) on conflict do nothing
                    """,
                    stop,
                    workflow.Tenant,
                    name,
                    digest.ToString(),
                    tool.Spec.ToArray(),
                    integration.Name,
                    integration.Spec.ToArray());
            }

            var version = WorkflowVersion.Compute(workflow.Spec, tools).ToString();
            await ExecuteAsync(
                connection,
                """
                insert into orchestrator.workflow_version(tenant_id, workflow, version, spec, tools, tool_digests)
                values ($1, $2, $3, $4, $5, $6) on conflict do nothing
                """,
                stop,
                workflow.Tenant,
                workflow.Name,
                version,
                workflow.Spec.ToArray(),
                tools.Select(t => t.Tool).ToArray(),
                tools.Select(t => t.Digest.ToString()).ToArray());
            await ExecuteAsync(
                connection,
                """
                insert into orchestrator.workflow_current(tenant_id, workflow, version) values ($1, $2, $3)
                on conflict (tenant_id, workflow) do update set version = excluded.version
                """,
                stop,
                workflow.Tenant,
                workflow.Name,
                version);
        }
    }

    private static async Task CheckBundlesAsync(
        NpgsqlConnection connection, IReadOnlyList<ManifestDocument> documents, List<ManifestError> errors, CancellationToken stop)
    {
        foreach (var document in documents.Where(d => d.Kind == ManifestKind.Workflow))
        {
            var bundle = ((WorkflowManifest)document.Content).Agent.Bundle;

            if (bundle is null)
            {
                errors.Add(new ManifestError(document.File, document.Line, 1, "spec.agent.process", "its directory was not packed: apply it with the mesh command"));
                continue;
            }

            await using var command = new NpgsqlCommand(
                "select 1 from orchestrator.bundle where tenant_id = $1 and digest = $2", connection);
            command.Parameters.Add(new NpgsqlParameter { Value = document.Tenant });
            command.Parameters.Add(new NpgsqlParameter { Value = bundle });

            if (await command.ExecuteScalarAsync(stop) is null)
            {
                errors.Add(new ManifestError(document.File, document.Line, 1, "spec.agent.process.bundle", $"the bundle {bundle} was not uploaded"));
            }
        }
    }

    private static async Task<Dictionary<DocumentKey, ManifestDocument>> ReadAsync(
        NpgsqlConnection connection, string[] tenants, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "select canonical from orchestrator.manifest where tenant_id = any($1)", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = tenants });
        await using var rows = await command.ExecuteReaderAsync(stop);
        var known = new Dictionary<DocumentKey, ManifestDocument>();

        while (await rows.ReadAsync(stop))
        {
            var document = ManifestDocument.FromCanonical(rows.GetFieldValue<byte[]>(0));
            known[Key(document)] = document;
        }

        return known;
    }

    private static Task PutAsync(NpgsqlConnection connection, ManifestDocument document, string actor, CancellationToken stop) => ExecuteAsync(
        connection,
        """
        insert into orchestrator.manifest(tenant_id, kind, name, digest, canonical, applied_by)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (tenant_id, kind, name) do update
          set digest = excluded.digest, canonical = excluded.canonical, applied_by = excluded.applied_by, applied_at = clock_timestamp()
        """,
        stop,
        document.Tenant,
        document.Kind.ToString(),
        document.Name,
        document.Digest.ToString(),
        document.Canonical.ToArray(),
        actor);

    private static DocumentChange ChangeOf(ManifestDocument document, Dictionary<DocumentKey, ManifestDocument> known) =>
        !known.TryGetValue(Key(document), out var before) ? DocumentChange.Created
        : before.Digest == document.Digest ? DocumentChange.Unchanged
        : DocumentChange.Updated;

    private static DocumentKey Key(ManifestDocument document) => new(document.Kind, document.Tenant, document.Name);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken stop, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);

        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        await command.ExecuteNonQueryAsync(stop);
    }

    private readonly record struct DocumentKey(ManifestKind Kind, string Tenant, string Name);
}

/// <summary>What an apply came to.</summary>
internal abstract record CatalogChange
{
    internal sealed record Done(IReadOnlyList<AppliedDocument> Documents, IReadOnlyList<ManifestError> Remarks) : CatalogChange;

    internal sealed record Refused(IReadOnlyList<ManifestError> Errors) : CatalogChange;

    /// <summary>Nothing changed: a later apply of the tenant is here already.</summary>
    internal sealed record Overtaken(string Tenant) : CatalogChange;
}

internal sealed record AppliedDocument(ManifestDocument Document, DocumentChange Change);

internal enum DocumentChange
{
    Created = 1,
    Updated = 2,
    Unchanged = 3,
}
