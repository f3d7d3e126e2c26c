using System.Collections.Concurrent;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Policies;
using Mesh.Policy.Evaluation;
using Mesh.Policy.Language;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy.Versions;

/// <summary>The policy that is in force for each tenant, compiled once per version.</summary>
/// <remarks>
/// A replica that cannot ask whether its policy is still current does not decide by it for longer than
/// <see cref="TrustedFor"/>: somebody may have forbidden by now what it would allow.
/// </remarks>
internal sealed class ActivePolicies(NpgsqlDataSource store, TimeProvider clock) : IDisposable
{
    public static readonly TimeSpan TrustedFor = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, PolicySnapshot> snapshots = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim refreshing = new(1, 1);
    private long seen = -1;
    private long checkedAt = long.MinValue;

    /// <summary>Whether the policies that are known here were compared with the store lately.</summary>
    public bool IsFresh => checkedAt != long.MinValue && clock.GetElapsedTime(Interlocked.Read(ref checkedAt)) <= TrustedFor;

    /// <summary>What is in force for a tenant. A tenant without a set has the platform's rules only, and so no tool.</summary>
    public async ValueTask<PolicySnapshot> OfAsync(string tenant, CancellationToken stop)
    {
        if (!IsFresh)
        {
            await RefreshAsync(stop);
        }

        return snapshots.TryGetValue(tenant, out var known) ? known : await LoadAsync(tenant, stop);
    }

    /// <summary>Forgets the policies that were replaced since the last look, and loads them anew.</summary>
    public async Task RefreshAsync(CancellationToken stop)
    {
        await refreshing.WaitAsync(stop);

        try
        {
            var now = clock.GetTimestamp();
            var changed = await ChangedSinceAsync(seen, stop);

            foreach (var (tenant, version) in changed)
            {
                if (snapshots.ContainsKey(tenant))
                {
                    snapshots[tenant] = await ReadAsync(tenant, stop);
                }

                seen = Math.Max(seen, version);
            }

            // The time before the question: what was activated while it was being answered counts as not seen.
            Interlocked.Exchange(ref checkedAt, now);
        }
        finally
        {
            refreshing.Release();
        }
    }

    public void Dispose() => refreshing.Dispose();

    private async Task<PolicySnapshot> LoadAsync(string tenant, CancellationToken stop)
    {
        // Under the same lock as a refresh: a policy that was read before an activation must not be kept after it.
        await refreshing.WaitAsync(stop);

        try
        {
            return snapshots.TryGetValue(tenant, out var known) ? known : snapshots[tenant] = await ReadAsync(tenant, stop);
        }
        finally
        {
            refreshing.Release();
        }
    }

    private async Task<List<(string Tenant, long Version)>> ChangedSinceAsync(long version, CancellationToken stop)
    {
        await using var command = store.CreateCommand("select tenant_id, version from activation where version > $1 order by version");
        command.Parameters.Add(new() { Value = version });

        try
        {
            await using var rows = await command.ExecuteReaderAsync(stop);
            var changed = new List<(string, long)>();

            while (await rows.ReadAsync(stop))
            {
                changed.Add((rows.GetString(0), rows.GetInt64(1)));
            }

            return changed;
        }
        catch (NpgsqlException lost) when (StoreErrors.IsConnectionLost(lost))
        {
            throw new StoreUnavailableException(PolicyDbContext.Name, mayHaveCommitted: false, lost);
        }
    }

    private async Task<PolicySnapshot> ReadAsync(string tenant, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            """
            select m.canonical from current_manifest c join manifest m using (tenant_id, kind, name, digest)
            where c.tenant_id = $1 and c.kind = 'PolicySet' order by c.name
            """);
        command.Parameters.Add(new() { Value = tenant });
        await using var rows = await command.ExecuteReaderAsync(stop);
        var sets = new List<ManifestDocument>();

        while (await rows.ReadAsync(stop))
        {
            sets.Add(ManifestDocument.FromCanonical(rows.GetFieldValue<byte[]>(0)));
        }

        return Unite(sets);
    }

    /// <summary>The sets of one tenant and the platform's, as one. Their order has no meaning.</summary>
    public static PolicySnapshot Unite(IEnumerable<ManifestDocument> sets)
    {
        var all = sets.OrderBy(set => set.Name, StringComparer.Ordinal).ToArray();
        var named = all.Select(set => (set.Name, set.Digest)).Append((PlatformSet.Name, PlatformSet.Digest));
        var text = string.Concat(named.Select(set => $"{set.Item1} {set.Item2}\n"));
        var rules = all.SelectMany(set => SetCompiler.Compile(set.Name, (PolicySetManifest)set.Content));
        return new PolicySnapshot(ContentDigest.Of(System.Text.Encoding.UTF8.GetBytes(text)), [.. PlatformSet.Rules, .. rules]);
    }
}
