using Mesh.Audit.Tree;
using Mesh.Integrity;

namespace Audit.Tests.Checkpoints;

public sealed class CheckpointTests(Installation installation) : IClassFixture<Installation>
{
    [Fact]
    public async Task A_stranger_with_the_public_key_recomputes_the_root_from_the_listed_entries()
    {
        await using var replica = installation.Open();
        var tenant = await LogOfAsync(replica, 37);

        var note = (await replica.Proofs.NewestAsync(tenant, Stop))!.Note;

        Assert.True(Checkpoint.TryVerify(note, replica.Signers.VerifiersOf(tenant), out var checkpoint));
        Assert.Equal((37, await RecomputeAsync(replica, tenant)), (checkpoint.Size, checkpoint.Root));
    }

    [Fact]
    public async Task A_later_checkpoint_continues_an_earlier_one()
    {
        await using var first = installation.Open();
        await using var second = installation.Open();
        var tenant = await LogOfAsync(first, 21);
        var earlier = await first.SignAsync(tenant);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => first.AppendAsync(Some.Intent(tenant))));

        var later = await second.SignAsync(tenant);

        var proof = await second.Proofs.ProveConsistencyAsync(tenant, earlier.Size, later.Size, Stop);
        Assert.True(MerkleTree.VerifyConsistency(earlier.Size, later.Size, proof!, earlier.Root, later.Root));
    }

    [Fact]
    public async Task Two_replicas_that_sign_while_others_append_never_sign_two_histories()
    {
        await using var first = installation.Open();
        await using var second = installation.Open();
        var tenant = Some.Tenant();
        var appending = Task.WhenAll(Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
        {
            for (var i = 0; i < 40; i++)
            {
                await (n % 2 == 0 ? first : second).AppendAsync(Some.Intent(tenant));
            }
        })));

        while (!appending.IsCompleted)
        {
            await Task.WhenAll(first.Checkpoints.AdvanceAsync(tenant, Stop), second.Checkpoints.AdvanceAsync(tenant, Stop));
        }

        await appending;
        var newest = await first.SignAsync(tenant);
        Assert.Equal(320, newest.Size);
        Assert.Equal(await RecomputeAsync(first, tenant), newest.Root);
        Assert.Equal(0L, await first.ScalarAsync<long>(
            $"select count(*) from checkpoint c where tenant_id = '{tenant}' and previous_size > 0 and not exists " +
            "(select from checkpoint p where p.tenant_id = c.tenant_id and p.size = c.previous_size)"));
    }

    [Fact]
    public async Task An_entry_that_a_superuser_changed_is_found_by_whoever_recomputes_the_root()
    {
        await using var replica = installation.Open();
        var tenant = await LogOfAsync(replica, 20);
        var signed = await replica.SignAsync(tenant);

        // Everything that the database knows about the entry, its stored hash included.
        var forged = "{\"forged\":true}"u8.ToArray();
        await installation.AsSuperuserAsync(
            $"set session_replication_role = replica; update leaf set leaf = '\\x{Convert.ToHexString(forged)}', " +
            $"leaf_hash = '\\x{MerkleTree.LeafHash(forged)}' where tenant_id = '{tenant}' and index = 7");

        Assert.NotEqual(signed.Root, await RecomputeAsync(replica, tenant));
        var proven = Assert.IsType<Mesh.Audit.Proofs.InclusionResult.Proven>(await replica.Proofs.ProveInclusionAsync(tenant, 7, 0, Stop));
        Assert.False(MerkleTree.VerifyInclusion(7, signed.Size, MerkleTree.LeafHash(proven.Entry.Text), proven.Hashes, signed.Root));
    }

    [Theory]
    [InlineData("update leaf set leaf = '{}' where tenant_id = '{0}' and index = 21", "is not the one that its receipt is for")]
    [InlineData("delete from leaf where tenant_id = '{0}' and index = 21", "is missing")]
    [InlineData("update checkpoint set frontier = set_byte(frontier, 20, 255 - get_byte(frontier, 20)) where tenant_id = '{0}'", "has not the root")]
    [InlineData("update checkpoint set note = set_byte(note, 20, 65) where tenant_id = '{0}'", "is not signed")]
    public async Task What_contradicts_the_log_stops_the_signing(string change, string reason)
    {
        await using var replica = installation.Open();
        var tenant = await LogOfAsync(replica, 20);
        await replica.SignAsync(tenant);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        await installation.AsSuperuserAsync($"set session_replication_role = replica; {change.Replace("{0}", tenant, StringComparison.Ordinal)}");

        var refused = await Assert.ThrowsAsync<DamagedLogException>(() => replica.Checkpoints.AdvanceAsync(tenant, Stop));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(20L, await replica.ScalarAsync<long>($"select max(size) from checkpoint where tenant_id = '{tenant}'"));
    }

    [Fact]
    public async Task A_restored_older_backup_is_recognised_by_the_anchor_before_and_after_it_has_grown_again()
    {
        var anchor = Directory.CreateTempSubdirectory("mesh-anchor-").FullName;
        await using var replica = installation.Open(anchor);
        var tenant = await LogOfAsync(replica, 10);
        await replica.SignAsync(tenant);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        await replica.SignAsync(tenant);

        await installation.AsSuperuserAsync(
            $"set session_replication_role = replica; delete from leaf where tenant_id = '{tenant}' and index >= 10; " +
            $"delete from checkpoint where tenant_id = '{tenant}' and size > 10; delete from node where tenant_id = '{tenant}'; " +
            $"update log_head set size = 10 where tenant_id = '{tenant}'");
        var shrunk = await Assert.ThrowsAsync<DamagedLogException>(() => replica.Checkpoints.AdvanceAsync(tenant, Stop));
        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        var other = await Assert.ThrowsAsync<DamagedLogException>(() => replica.Checkpoints.AdvanceAsync(tenant, Stop));

        Assert.Contains("older state was restored", shrunk.Message, StringComparison.Ordinal);
        Assert.Contains("not those of the anchored checkpoint", other.Message, StringComparison.Ordinal);
        Directory.Delete(anchor, recursive: true);
    }

    [Fact]
    public async Task A_log_that_is_far_ahead_is_signed_in_steps()
    {
        const int Ahead = TreeGrowth.LeavesMax + 100;
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var facts = Enumerable.Range(1, Ahead).Select(n => Some.TaskFact(tenant, task, n)).ToArray();
        await replica.RecordAsync(Some.Message(tenant, task, 1, facts));

        var size = await replica.Checkpoints.AdvanceAsync(tenant, Stop);

        Assert.Equal(Ahead, size);
        var proven = await replica.Proofs.ProveInclusionAsync(tenant, 1234, 0, Stop);
        var (entry, hashes) = Assert.IsType<Mesh.Audit.Proofs.InclusionResult.Proven>(proven) is var p ? (p.Entry, p.Hashes) : default;
        var root = replica.Signers.Verify(tenant, p.Checkpoint.Note)!.Root;
        Assert.True(MerkleTree.VerifyInclusion(1234, Ahead, MerkleTree.LeafHash(entry.Text), hashes, root));
    }

    private static async Task<string> LogOfAsync(Replica replica, int size)
    {
        var tenant = Some.Tenant();
        await Task.WhenAll(Enumerable.Range(0, size).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        await replica.SignAsync(tenant);
        return tenant;
    }

    private static async Task<Hash256> RecomputeAsync(Replica replica, string tenant)
    {
        var tree = new Frontier();

        foreach (var entry in await replica.EntriesAsync(tenant))
        {
            tree.Append(MerkleTree.LeafHash(entry.Text));
        }

        return tree.Root;
    }
}
