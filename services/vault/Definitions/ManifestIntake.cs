using System.Text.Json;
using Mesh.Manifests;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Definitions;

/// <summary>Takes manifests, all or nothing, and keeps what leases will be checked against.</summary>
internal sealed class ManifestIntake(NpgsqlDataSource store, TimeProvider clock)
{
    /// <summary>The kinds that yield grants or keys. Others are somebody else's.</summary>
    public static bool IsKept(ManifestKind kind) => kind is not ManifestKind.PolicySet;

    /// <param name="manifests">All of them are taken, or none.</param>
    /// <param name="generation">Their place among the applies of their tenants; null when they have none and are taken as they come.</param>
    /// <param name="validateOnly">Whether it is only asked what would come of it.</param>
    /// <param name="stop">Ends the work.</param>
    public async Task<IntakeOutcome> ApplyAsync(
        IReadOnlyList<SubmittedManifest> manifests, long? generation, bool validateOnly, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        var applied = new List<AppliedManifest>();
        var errors = new List<IntakeError>();

        // In one order for everybody, so that two applies of the same tenants wait for each other and never for ever.
        foreach (var tenant in manifests.GroupBy(manifest => manifest.Document.Tenant).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var (latest, current) = await ReadAsync(connection, tenant.Key, stop);

            if (generation < latest)
            {
                return new IntakeOutcome.Overtaken(tenant.Key);
            }

            var catalog = new Catalog(tenant.Key, current, tenant.Select(manifest => manifest.Document));
            errors.AddRange(
                from manifest in tenant
                from error in catalog.ErrorsOf(manifest.Document)
                select new IntakeError(manifest.Source, error.Field, error.Message));

            if (errors.Count == 0)
            {
                await WriteAsync(connection, catalog, tenant, generation ?? latest, stop);
                applied.AddRange(tenant.Select(manifest => new AppliedManifest(manifest.Document, ChangeOf(manifest.Document, current), clock.GetUtcNow())));
            }
        }

        if (errors.Count > 0)
        {
            return new IntakeOutcome.Refused(errors);
        }

        // A rehearsal does all of it and then forgets.
        if (!validateOnly)
        {
            await transaction.CommitAsync(stop);
        }

        return new IntakeOutcome.Applied(applied);
    }

    /// <summary>A current manifest, or null.</summary>
    public async Task<ManifestDocument?> FindAsync(string tenant, ManifestKind kind, string name, CancellationToken stop)
    {
        await using var command = store.CreateCommand("select canonical from manifest where tenant_id = $1 and kind = $2 and name = $3")
            .With(tenant, kind.ToString(), name);
        return await command.ExecuteScalarAsync(stop) is byte[] canonical ? ManifestDocument.FromCanonical(canonical) : null;
    }

    /// <summary>All current manifests of a kind.</summary>
    public async Task<IReadOnlyList<ManifestDocument>> ListAsync(string tenant, ManifestKind kind, CancellationToken stop)
    {
        await using var command = store.CreateCommand("select canonical from manifest where tenant_id = $1 and kind = $2 order by name")
            .With(tenant, kind.ToString());
        await using var row = await command.ExecuteReaderAsync(stop);
        var documents = new List<ManifestDocument>();

        while (await row.ReadAsync(stop))
        {
            documents.Add(ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(0)));
        }

        return documents;
    }

    private static ManifestChange ChangeOf(ManifestDocument document, List<ManifestDocument> current) =>
        current.Find(other => other.Kind == document.Kind && other.Name == document.Name) switch
        {
            null => ManifestChange.Created,
            var before when before.Digest == document.Digest => ManifestChange.Unchanged,
            _ => ManifestChange.Updated,
        };

    // The latest generation, zero before the first, and what it left.
    private static async Task<(long Latest, List<ManifestDocument> Current)> ReadAsync(NpgsqlConnection connection, string tenant, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Commands.Batched("select pg_advisory_xact_lock(hashtextextended('vault/manifests/' || $1, 0))", tenant));
        batch.BatchCommands.Add(Commands.Batched("select coalesce(max(generation), 0) from manifest_generation where tenant_id = $1", tenant));
        batch.BatchCommands.Add(Commands.Batched("select canonical from manifest where tenant_id = $1", tenant));
        await using var row = await batch.ExecuteReaderAsync(stop);
        await row.NextResultAsync(stop);
        await row.ReadAsync(stop);
        var latest = row.GetInt64(0);
        await row.NextResultAsync(stop);
        var documents = new List<ManifestDocument>();

        while (await row.ReadAsync(stop))
        {
            documents.Add(ManifestDocument.FromCanonical(row.GetFieldValue<byte[]>(0)));
        }

        return (latest, documents);
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, Catalog catalog, IEnumerable<SubmittedManifest> manifests, long generation, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Commands.Batched(
            "insert into manifest_generation (tenant_id, generation) values ($1, $2) on conflict (tenant_id) do update set generation = excluded.generation",
            catalog.Tenant, generation));

        foreach (var (document, _) in manifests)
        {
            batch.BatchCommands.Add(Commands.Batched(
                """
                insert into manifest as m (tenant_id, kind, name, digest, canonical) values ($1, $2, $3, $4, $5)
                on conflict (tenant_id, kind, name) do update set digest = excluded.digest, canonical = excluded.canonical, applied_at = clock_timestamp()
                  where m.digest <> excluded.digest
                """,
                document.Tenant, document.Kind.ToString(), document.Name, document.Digest.ToString(), document.Canonical.ToArray()));
        }

        // Tasks under way keep the definitions that they started with: nothing here is ever updated or deleted.
        foreach (var tool in catalog.Tools())
        {
            batch.BatchCommands.Add(Commands.Batched(
                "insert into tool_definition (tenant_id, tool, tool_digest, tool_canonical, integration_canonical) values ($1, $2, $3, $4, $5) on conflict do nothing",
                catalog.Tenant, tool.Name, tool.Digest.ToString(), tool.Tool.Canonical.ToArray(), tool.Integration.Canonical.ToArray()));
        }

        foreach (var workflow in catalog.Workflows())
        {
            var tools = JsonSerializer.Serialize(workflow.Tools.ToDictionary(tool => tool.Key, tool => tool.Value.ToString()));
            batch.BatchCommands.Add(Commands.Batched(
                "insert into workflow_version (tenant_id, workflow, workflow_version, tools) values ($1, $2, $3, $4::jsonb) on conflict do nothing",
                catalog.Tenant, workflow.Name, workflow.Version.ToString(), tools));
        }

        await batch.ExecuteNonQueryAsync(stop);
    }
}
