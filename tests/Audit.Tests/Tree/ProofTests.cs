using Mesh.Audit.Proofs;
using Mesh.Audit.Tree;
using Mesh.Integrity;

namespace Audit.Tests.Tree;

public sealed class ProofTests(Installation installation) : IClassFixture<Installation>
{
    private const int SizeMax = 130;

    [Fact]
    public async Task Every_entry_of_every_size_up_to_130_is_proven_and_every_size_is_proven_to_begin_every_larger_one()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();
        var leaves = new List<Hash256>();
        var roots = new List<Hash256> { MerkleTree.EmptyRoot };

        for (var size = 1; size <= SizeMax; size++)
        {
            leaves.Add((await replica.AppendAsync(Some.Intent(tenant))).LeafHash);
            var checkpoint = await replica.SignAsync(tenant);
            Assert.Equal(size, checkpoint.Size);
            roots.Add(checkpoint.Root);
        }

        await using var connection = await replica.Store.OpenConnectionAsync(Stop);

        for (var size = 1; size <= SizeMax; size++)
        {
            for (var index = 0; index < size; index++)
            {
                var fetch = await NodeStore.FetchAsync(connection, tenant, f => MerkleTree.ProveInclusion(index, size, f), Stop);
                var proof = MerkleTree.ProveInclusion(index, size, fetch);
                Assert.True(MerkleTree.VerifyInclusion(index, size, leaves[index], proof, roots[size]), $"entry {index} of {size}");
            }

            for (var old = 0; old <= size; old += 7)
            {
                var proof = await replica.Proofs.ProveConsistencyAsync(tenant, old, size, Stop);
                Assert.True(MerkleTree.VerifyConsistency(old, size, proof!, roots[old], roots[size]), $"{old} begins {size}");
            }
        }
    }

    [Fact]
    public async Task A_proof_comes_with_its_entry_and_the_signed_checkpoint_of_its_size()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();
        var ticket = await replica.AppendAsync(Some.Intent(tenant));
        await replica.SignAsync(tenant);
        await replica.AppendAsync(Some.Intent(tenant));
        await replica.SignAsync(tenant);

        var newest = Assert.IsType<InclusionResult.Proven>(await replica.Proofs.ProveInclusionAsync(tenant, ticket.Index, 0, Stop));
        var older = Assert.IsType<InclusionResult.Proven>(await replica.Proofs.ProveInclusionAsync(tenant, ticket.Index, 1, Stop));

        foreach (var (proven, size) in new[] { (newest, 2), (older, 1) })
        {
            var signed = replica.Signers.Verify(tenant, proven.Checkpoint.Note)!;
            Assert.Equal(size, signed.Size);
            Assert.True(MerkleTree.VerifyInclusion(ticket.Index, size, MerkleTree.LeafHash(proven.Entry.Text), proven.Hashes, signed.Root));
        }
    }

    [Fact]
    public async Task What_was_never_signed_is_not_proven()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();
        var nothing = await replica.Proofs.ProveInclusionAsync(tenant, 0, 0, Stop);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        await replica.SignAsync(tenant);

        Assert.IsType<InclusionResult.NoCheckpoint>(nothing);
        Assert.IsType<InclusionResult.NoCheckpoint>(await replica.Proofs.ProveInclusionAsync(tenant, 0, 3, Stop));
        Assert.IsType<InclusionResult.NoEntry>(await replica.Proofs.ProveInclusionAsync(tenant, 5, 0, Stop));
        Assert.Null(await replica.Proofs.ProveConsistencyAsync(tenant, 3, 5, Stop));
    }
}
