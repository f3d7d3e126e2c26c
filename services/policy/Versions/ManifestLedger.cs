using System.Collections.Immutable;
using Mesh.Manifests;
using Mesh.Policy.Announcing;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy.Versions;

/// <summary>Takes manifests into policy's own keeping, all or nothing, and activates what they change.</summary>
internal sealed class ManifestLedger(NpgsqlDataSource store, ActivePolicies policies, OutboxSignal outbox, ReplicaHints replicas, TimeProvider clock, ILogger<ManifestLedger> log)
{
    public async Task<LedgerAnswer> ApplyAsync(ImmutableArray<SubmittedManifest> submitted, string actor, bool validateOnly, CancellationToken stop)
    {
        var answer = await TakeAsync(submitted, actor, validateOnly, stop);

        if (answer is LedgerAnswer.Applied { Generation: { } version } applied && applied.Documents.Count(IsChanged) is > 0 and var changed)
        {
            outbox.Raise();
            replicas.Raise(ActivationWatch.Activated);

            // Here at once; other replicas see the version when they hear of it, and within two seconds if they do not. No connection is in hand any more: of many applies
            // at once each would keep one and wait for another.
            await policies.RefreshAsync(stop);
            log.ManifestsApplied(changed, string.Join(", ", applied.Documents.Select(d => d.Document.Tenant).Distinct()), version, actor);
        }

        return answer;
    }

    private async Task<LedgerAnswer> TakeAsync(ImmutableArray<SubmittedManifest> submitted, string actor, bool validateOnly, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // One apply at a time: each checks its references against what the one before it left, and versions become
        // visible in their order, so that no replica's look at them can skip one.
        var version = await NextVersionAsync(transaction, stop);
        var catalogs = new Dictionary<string, TenantCatalog>(StringComparer.Ordinal);
        var before = new Dictionary<(string, ManifestKind, string), Integrity.ContentDigest>();

        foreach (var tenant in submitted.Select(s => s.Document.Tenant).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var current = await CurrentAsync(transaction, tenant, stop);
            current.ForEach(document => before.Add((tenant, document.Kind, document.Name), document.Digest));
            catalogs.Add(tenant, new TenantCatalog(tenant, current));
        }

        foreach (var one in submitted)
        {
            catalogs[one.Document.Tenant].Replace(one.Document);
        }

        var checks = submitted.GroupBy(s => s.Document.Tenant).Select(g => (Tenant: g.Key, Check: Check(g, catalogs[g.Key]))).ToArray();

        if (checks.SelectMany(c => c.Check.Faults).ToImmutableArray() is { IsEmpty: false } faults)
        {
            return new LedgerAnswer.Invalid(faults);
        }

        var failed = submitted.SelectMany(s => catalogs[s.Document.Tenant].FailedTests(s.Document)
            .Select(test => new ManifestFault(s.Source, $"spec.tests[{test.Index}]", $"the test '{test.Name}' of {s.Document.Name} failed: {test.Mismatch}")));

        if (failed.ToImmutableArray() is { IsEmpty: false } failures)
        {
            return new LedgerAnswer.TestsFailed(failures);
        }

        var applied = submitted.Select(s => AppliedOf(s, before)).ToImmutableArray();
        var findings = checks.SelectMany(c => c.Check.Findings).ToImmutableArray();
        var changed = applied.Where(IsChanged).ToImmutableArray();

        if (validateOnly)
        {
            return new LedgerAnswer.Applied(applied, findings, Generation: null);
        }

        if (!changed.IsEmpty)
        {
            await WriteAsync(transaction, changed, catalogs, actor, version, stop);
            await TellAsync(transaction, changed, actor, version, stop);
        }

        // Its place is taken also when nothing changed: elsewhere an apply that came before this one may still be on its way.
        await transaction.CommitAsync(stop);
        return new LedgerAnswer.Applied(applied, findings, version);
    }

    private static bool IsChanged(AppliedDocument applied) => applied.Change != ManifestChange.Unchanged;

    private static (ImmutableArray<ManifestFault> Faults, ImmutableArray<ManifestFault> Findings) Check(
        IEnumerable<SubmittedManifest> submitted, TenantCatalog catalog)
    {
        var faults = ImmutableArray.CreateBuilder<ManifestFault>();
        var findings = ImmutableArray.CreateBuilder<ManifestFault>();

        // One by one, so that every error can name the file that its document came from.
        foreach (var one in submitted)
        {
            var check = ManifestSet.Check([one.Document], catalog.All);
            faults.AddRange(check.Errors.Select(error => new ManifestFault(one.Source, error.Field, error.Message)));
            findings.AddRange(check.Remarks.Select(remark => new ManifestFault(one.Source, remark.Field, remark.Message)));
        }

        return (faults.ToImmutable(), findings.ToImmutable());
    }

    private AppliedDocument AppliedOf(SubmittedManifest submitted, Dictionary<(string, ManifestKind, string), Integrity.ContentDigest> before)
    {
        var document = submitted.Document;
        var known = before.TryGetValue((document.Tenant, document.Kind, document.Name), out var digest);
        var change = !known ? ManifestChange.Created : digest == document.Digest ? ManifestChange.Unchanged : ManifestChange.Updated;
        return new AppliedDocument(document, change, known ? digest.ToString() : "", clock.GetUtcNow());
    }

    private static async Task WriteAsync(
        NpgsqlTransaction transaction,
        ImmutableArray<AppliedDocument> changed,
        Dictionary<string, TenantCatalog> catalogs,
        string actor,
        long version,
        CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(transaction.Connection, transaction);

        foreach (var document in changed.Select(c => c.Document))
        {
            batch.Add(
                "insert into manifest (tenant_id, kind, name, digest, canonical, applied_by) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
                document.Tenant, document.Kind.ToString(), document.Name, document.Digest.ToString(), document.Canonical.ToArray(), actor);
            batch.Add(
                """
                insert into current_manifest (tenant_id, kind, name, digest) values ($1, $2, $3, $4)
                on conflict (tenant_id, kind, name) do update set digest = excluded.digest, applied_at = clock_timestamp()
                """,
                document.Tenant, document.Kind.ToString(), document.Name, document.Digest.ToString());
        }

        foreach (var catalog in catalogs.Values)
        {
            // A changed integration makes a new version of each of its tools, and those of each workflow that pins them.
            foreach (var tool in catalog.Tools())
            {
                batch.Add(
                    """
                    insert into tool_definition (tenant_id, tool, tool_digest, tool_manifest, integration, integration_manifest)
                    values ($1, $2, $3, $4, $5, $6) on conflict do nothing
                    """,
                    catalog.Tenant, tool.Tool.Name, tool.Digest.ToString(), tool.Tool.Digest.ToString(), tool.Integration.Name, tool.Integration.Digest.ToString());
            }

            foreach (var workflow in catalog.Workflows())
            {
                var tools = workflow.Tools.OrderBy(t => t.Key, StringComparer.Ordinal).ToArray();
                batch.Add(
                    """
                    insert into workflow_definition (tenant_id, workflow, workflow_version, tools, tool_digests)
                    values ($1, $2, $3, $4, $5) on conflict do nothing
                    """,
                    catalog.Tenant, workflow.Name, workflow.Version.ToString(), tools.Select(t => t.Key).ToArray(), tools.Select(t => t.Value.ToString()).ToArray());
            }

            batch.Add(
                "insert into activation (tenant_id, version) values ($1, $2) on conflict (tenant_id) do update set version = excluded.version",
                catalog.Tenant, version);
        }

        await batch.ExecuteNonQueryAsync(stop);
    }

    private async Task TellAsync(NpgsqlTransaction transaction, ImmutableArray<AppliedDocument> changed, string actor, long version, CancellationToken stop)
    {
        foreach (var ofTenant in changed.GroupBy(c => c.Document.Tenant))
        {
            var fact = Announcement.Of(ofTenant.Key, actor, clock);
            fact.ManifestsApplied = new Facts.V1.ManifestsApplied
            {
                Documents = { ofTenant.Select(c => $"{c.Document.Kind}/{c.Document.Name}@{c.Document.Digest}") },
            };
            await Announcement.WriteAsync(transaction, $"manifests/{ofTenant.Key}", version, fact, stop);

            foreach (var set in ofTenant.Where(c => c.Document.Kind == ManifestKind.PolicySet))
            {
                var activated = Announcement.Of(ofTenant.Key, actor, clock);
                activated.PolicySetActivated = new Facts.V1.PolicySetActivated { Name = set.Document.Name, Digest = set.Document.Digest.ToString(), Previous = set.Previous };
                await Announcement.WriteAsync(transaction, $"policy-set/{ofTenant.Key}/{set.Document.Name}", version, activated, stop);
            }
        }
    }

    private static async Task<long> NextVersionAsync(NpgsqlTransaction transaction, CancellationToken stop)
    {
        // Vault and orchestrator remember versions as generations. At least the time in ms, so that one that is given out
        // after this store alone was put back to a backup is above theirs; the order itself does not rest on the clock.
        await using var command = new NpgsqlCommand(
            "update activation_clock set version = greatest(version + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint) returning version",
            transaction.Connection,
            transaction);
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    private static async Task<List<ManifestDocument>> CurrentAsync(NpgsqlTransaction transaction, string tenant, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "select m.canonical from current_manifest c join manifest m using (tenant_id, kind, name, digest) where c.tenant_id = $1",
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = tenant });
        await using var rows = await command.ExecuteReaderAsync(stop);
        var documents = new List<ManifestDocument>();

        while (await rows.ReadAsync(stop))
        {
            documents.Add(ManifestDocument.FromCanonical(rows.GetFieldValue<byte[]>(0)));
        }

        return documents;
    }
}
