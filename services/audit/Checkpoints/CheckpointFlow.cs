using Mesh.Audit.Tree;
using Mesh.Integrity;
using Npgsql;

namespace Mesh.Audit.Checkpoints;

/// <summary>Brings one log's checkpoint up to its leaves. It signs only what continues everything that it signed before.</summary>
internal sealed class CheckpointFlow(NpgsqlDataSource store, LogSigners signers, Anchor anchor)
{
    /// <summary>Signs the next checkpoint, or several if the log is far ahead; answers the size that is signed now.</summary>
    /// <exception cref="DamagedLogException">The log contradicts an earlier checkpoint, its own rows, or the anchor.</exception>
    public async Task<long> AdvanceAsync(string tenant, CancellationToken stop)
    {
        for (var signed = 0L; ;)
        {
            var before = signed;
            signed = await StepAsync(tenant, stop);

            // A full step may not have been the last one.
            if (signed - before < TreeGrowth.LeavesMax || signed == before)
            {
                return signed;
            }
        }
    }

    private async Task<long> StepAsync(string tenant, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await CheckpointStore.LockAsync(connection, tenant, stop);

        var edge = await TrustedEdgeAsync(connection, tenant, stop);
        var previous = edge.Size;
        var anchored = anchor.Read(tenant, signers);

        if (anchored is not null && anchored.Size <= previous)
        {
            await RefuseOtherHistoryAsync(connection, tenant, anchored, stop);
        }

        var grown = await TreeGrowth.GrowAsync(connection, tenant, edge, passed => RefuseOtherRoot(tenant, anchored, passed), stop);

        if (grown == 0)
        {
            return anchored is null || anchored.Size <= previous ? previous : throw Shrunk(tenant, anchored, previous);
        }

        if (anchored is not null && anchored.Size > edge.Size && grown < TreeGrowth.LeavesMax)
        {
            throw Shrunk(tenant, anchored, edge.Size);
        }

        var note = signers.Sign(tenant, edge.Size, edge.Root);

        // Before the commit: if it came after, a restored backup could hide the last checkpoint that somebody has seen.
        await anchor.WriteAsync(tenant, note, edge.Size, anchored);
        await CheckpointStore.InsertAsync(connection, tenant, edge, previous, note, stop);
        await transaction.CommitAsync(stop);
        return edge.Size;
    }

    // The edge comes from the database, so it counts only if its root is the one that was signed.
    private async Task<Frontier> TrustedEdgeAsync(NpgsqlConnection connection, string tenant, CancellationToken stop)
    {
        if (await CheckpointStore.NewestAsync(connection, tenant, stop) is not { } newest)
        {
            return new Frontier();
        }

        if (signers.Verify(tenant, newest.Note) is not { } signed)
        {
            throw new DamagedLogException(tenant, $"the checkpoint of size {newest.Size} is not signed by this installation");
        }

        return Frontier.TryDeserialize(newest.Frontier, out var edge) && edge.Size == signed.Size && edge.Root == signed.Root && newest.Size == signed.Size
            ? edge
            : throw new DamagedLogException(tenant, $"the stored edge of the tree has not the root of the checkpoint of size {signed.Size}");
    }

    private static async Task RefuseOtherHistoryAsync(NpgsqlConnection connection, string tenant, Checkpoint anchored, CancellationToken stop)
    {
        var fetch = await NodeStore.FetchAsync(connection, tenant, f => MerkleTree.Root(anchored.Size, f), stop);

        if (MerkleTree.Root(anchored.Size, fetch) != anchored.Root)
        {
            throw new DamagedLogException(tenant, $"its first {anchored.Size} entries are not those of the anchored checkpoint");
        }
    }

    private static void RefuseOtherRoot(string tenant, Checkpoint? anchored, Frontier passed)
    {
        if (anchored is not null && passed.Size == anchored.Size && passed.Root != anchored.Root)
        {
            throw new DamagedLogException(tenant, $"its first {anchored.Size} entries are not those of the anchored checkpoint");
        }
    }

    private static DamagedLogException Shrunk(string tenant, Checkpoint anchored, long size) =>
        new(tenant, $"it has {size} entries, and a checkpoint of {anchored.Size} was signed: an older state was restored");
}
