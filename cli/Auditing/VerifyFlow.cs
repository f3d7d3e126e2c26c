using System.Text;
using Grpc.Core;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Auditing;

/// <summary>Verifies a tenant's whole log: every leaf is hashed again here, and nothing that the mesh says about them is believed.</summary>
internal sealed class VerifyFlow(CallInvoker mesh, TrustedKeys trust, SeenCheckpoints seen)
{
    private const int PageMax = 1_000;

    // A checkpoint is signed within a second of what it covers.
    private static readonly TimeSpan CheckpointWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Audit.V1.LogService.LogServiceClient log = new(mesh);
    private readonly Orchestrator.V1.CatalogService.CatalogServiceClient catalog = new(mesh);

    public async Task<VerifyReport> RunAsync(string tenant, CancellationToken stop)
    {
        var keys = trust.For(tenant);
        if (await CheckpointAsync(tenant, stop) is not { } note)
        {
            return await EmptyAsync(tenant, keys, stop);
        }

        if (!Checkpoint.TryVerify(Encoding.UTF8.GetBytes(note), keys, out var checkpoint)
            || keys.FirstOrDefault(key => key.Name == checkpoint.Origin) is not { } key)
        {
            var finding = new Finding(-1, "SIGNATURE", $"No key of {trust.Source} signed the checkpoint of {tenant}.");
            return new VerifyReport(tenant, "", 0, "", 0, 0, 0, null, trust, [finding]);
        }

        var before = keys.Where(one => one.Name == checkpoint.Origin).Select(seen.Find).FirstOrDefault(one => one is not null);
        var check = new LogCheck(tenant, checkpoint, before);
        await ReadAsync(tenant, checkpoint.Size, check, stop);
        check.Finish();

        if (check.Findings.Count == 0)
        {
            seen.Keep(key, note);
        }

        return new VerifyReport(
            tenant,
            checkpoint.Origin,
            checkpoint.Size,
            checkpoint.Root.ToBase64(),
            check.Intents,
            check.OpenIntents,
            check.Erased,
            before?.Size,
            trust,
            check.Findings);
    }

    // Nothing is what a log shows that never was, that is new, or that somebody emptied: three different things.
    private async Task<VerifyReport> EmptyAsync(string tenant, IReadOnlyList<NoteVerifier> keys, CancellationToken stop)
    {
        if (keys.Select(seen.Find).FirstOrDefault(one => one is { Size: > 0 }) is { } before)
        {
            return new VerifyReport(tenant, before.Origin, 0, "", 0, 0, 0, before.Size, trust, [LogCheck.Shrunk(before.Size, 0)]);
        }

        var known = await catalog.ListTenantsAsync(new Orchestrator.V1.ListTenantsRequest(), cancellationToken: stop);
        return known.Tenants.Contains(tenant)
            ? new VerifyReport(tenant, "", 0, "", 0, 0, 0, null, trust, [])
            : throw new ProblemException(Problem.Here("TENANT_NOT_FOUND", $"There is no log of {tenant}: this token sees no such tenant.", ExitCodes.NotFound));
    }

    /// <summary>The newest checkpoint; null when the log is empty.</summary>
    private async Task<string?> CheckpointAsync(string tenant, CancellationToken stop)
    {
        var end = TimeProvider.System.GetUtcNow() + CheckpointWithin;
        while (true)
        {
            try
            {
                return (await log.GetCheckpointAsync(new Audit.V1.GetCheckpointRequest { Tenant = tenant }, cancellationToken: stop)).Checkpoint;
            }
            catch (RpcException absent) when (absent.StatusCode == StatusCode.NotFound && TimeProvider.System.GetUtcNow() < end)
            {
                // A new log has entries for a moment before its first checkpoint.
                var page = await log.ListEntriesAsync(new Audit.V1.ListEntriesRequest { Tenant = tenant, Count = 1 }, cancellationToken: stop);
                if (page.Entries.Count == 0)
                {
                    return null;
                }

                await Task.Delay(Pause, stop);
            }
        }
    }

    private async Task ReadAsync(string tenant, long size, LogCheck check, CancellationToken stop)
    {
        var start = 0L;
        while (start < size)
        {
            var page = await log.ListEntriesAsync(
                new Audit.V1.ListEntriesRequest { Tenant = tenant, Start = start, Count = (int)Math.Min(PageMax, size - start) },
                cancellationToken: stop);
            foreach (var entry in page.Entries.TakeWhile(entry => entry.Index < size))
            {
                if (!check.Take(entry))
                {
                    return;
                }
            }

            // A page that does not lead on would be read for ever.
            if (page.NextStart <= start)
            {
                return;
            }

            start = page.NextStart;
        }
    }
}
