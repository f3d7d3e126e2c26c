using System.Text;
using Mesh.Integrity;

namespace Integrity.Tests.Tree;

public sealed class MerkleTreeTests
{
    private const int SizeMax = 130;

    private static readonly Hash256[] Leaves = [.. Enumerable.Range(0, SizeMax).Select(i => MerkleTree.LeafHash(Encoding.ASCII.GetBytes($"leaf {i}")))];

    [Fact]
    public void Hashes_are_those_of_RFC_6962()
    {
        // transparency-dev/merkle, rfc6962/rfc6962_test.go.
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", MerkleTree.EmptyRoot.ToString());
        Assert.Equal("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", MerkleTree.LeafHash([]).ToString());
        Assert.Equal("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56", MerkleTree.LeafHash("L123456"u8).ToString());

        // The published node vector has children of four bytes, which our type rightly cannot write down: hence by hand.
        Assert.Equal("aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb", Hash256.Of("\u0001N123N456"u8).ToString());
        var (left, right) = (Hash256.Of("l"u8), Hash256.Of("r"u8));
        Assert.Equal(Hash256.Of([1, .. left.ToArray(), .. right.ToArray()]), MerkleTree.NodeHash(left, right));
    }

    [Fact]
    public void Roots_are_the_published_ones_at_every_size()
    {
        // transparency-dev/merkle, testonly/constants.go.
        (string Leaf, string Root)[] published =
        [
            ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
            ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        var frontier = new Frontier();

        foreach (var (leaf, root) in published)
        {
            frontier.Append(MerkleTree.LeafHash(Convert.FromHexString(leaf)));

            Assert.Equal(root, frontier.Root.ToString());
        }
    }

    [Fact]
    public void The_roots_of_Tesseras_golden_log_are_reached()
    {
        var frontier = new Frontier();
        var roots = new Dictionary<long, string>();

        foreach (var entry in "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".Split(' '))
        {
            frontier.Append(MerkleTree.LeafHash(Encoding.ASCII.GetBytes(entry)));
            roots[frontier.Size] = frontier.Root.ToBase64();
        }

        Assert.Equal("0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=", roots[1]);
        Assert.Equal("T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=", roots[2]);
        Assert.Equal("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=", roots[15]);
    }

    [Fact]
    public void The_published_proofs_hold_and_nothing_near_them_does()
    {
        // transparency-dev/merkle, testdata/inclusion and testdata/consistency.
        var leaf = Base64("QnGia+DYqE8L1UyMMC58s6O10fpngKQLzOKHNHfatlg=");
        Hash256[] path = [Base64("vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms="), Base64("yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA="), Base64("037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=")];
        var root8 = Base64("XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=");
        var root6 = Base64("duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=");
        Hash256[] consistency = [Base64("DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o="), path[1], path[2]];

        Assert.True(MerkleTree.VerifyInclusion(5, 8, leaf, path, root8));
        Assert.True(MerkleTree.VerifyConsistency(6, 8, consistency, root6, root8));

        // Of other sizes only those are refused for sure whose proofs have another length (RFC 6962 allows the rest).
        Assert.False(MerkleTree.VerifyInclusion(4, 8, leaf, path, root8));
        Assert.False(MerkleTree.VerifyInclusion(5, 9, leaf, path, root8));
        Assert.False(MerkleTree.VerifyInclusion(5, 5, leaf, path, root8));
        Assert.False(MerkleTree.VerifyInclusion(-1, 8, leaf, path, root8));
        Assert.False(MerkleTree.VerifyInclusion(5, 8, leaf, path[..2], root8));
        Assert.False(MerkleTree.VerifyInclusion(5, 8, leaf, [.. path, root8], root8));
        Assert.False(MerkleTree.VerifyInclusion(5, 8, root8, path, root8));
        Assert.False(MerkleTree.VerifyConsistency(6, 8, consistency, root8, root8));
        Assert.False(MerkleTree.VerifyConsistency(6, 8, consistency, root6, root6));
        Assert.False(MerkleTree.VerifyConsistency(7, 8, consistency, root6, root8));
        Assert.False(MerkleTree.VerifyConsistency(6, 8, [], root6, root8));
        Assert.False(MerkleTree.VerifyConsistency(6, 8, [.. consistency, root6], root6, root8));
        Assert.False(MerkleTree.VerifyConsistency(8, 6, consistency, root8, root6));
        Assert.False(MerkleTree.VerifyConsistency(-1, 6, [], root8, root6));
    }

    [Fact]
    public void Root_and_frontier_are_those_of_the_recursive_definition()
    {
        var frontier = new Frontier();

        for (var size = 0; size <= SizeMax; size++)
        {
            var root = Mth(0, size);

            Assert.Equal(root, MerkleTree.Root(size, Fetch));
            Assert.Equal(root, frontier.Root);
            Assert.Equal(size, frontier.Size);
            Assert.True(Frontier.TryDeserialize(frontier.Serialize(), out var again));
            Assert.Equal(root, again.Root);

            if (size < SizeMax)
            {
                frontier.Append(Leaves[size]);
                again.Append(Leaves[size]);
                Assert.Equal(frontier.Root, again.Root);
            }
        }
    }

    [Fact]
    public void Every_inclusion_proof_is_that_of_the_recursive_definition_and_holds_only_for_its_leaf()
    {
        for (var size = 1; size <= SizeMax; size++)
        {
            var root = Mth(0, size);

            for (var index = 0; index < size; index++)
            {
                var proof = MerkleTree.ProveInclusion(index, size, Fetch);

                Assert.Equal(Path(index, 0, size), proof);
                Assert.True(MerkleTree.VerifyInclusion(index, size, Leaves[index], proof, root));
                Assert.False(MerkleTree.VerifyInclusion(index, size, Leaves[(index + 1) % SizeMax], proof, root));

                if (proof.Count > 0)
                {
                    var at = index % proof.Count;
                    Assert.False(MerkleTree.VerifyInclusion(index, size, Leaves[index], [.. proof.Take(at), root, .. proof.Skip(at + 1)], root));
                    Assert.False(MerkleTree.VerifyInclusion(index, size, Leaves[index], [.. proof.Take(proof.Count - 1)], root));
                }
            }
        }
    }

    [Fact]
    public void Every_consistency_proof_is_that_of_the_recursive_definition_and_holds_only_for_its_roots()
    {
        for (var newSize = 0; newSize <= SizeMax; newSize++)
        {
            var newRoot = Mth(0, newSize);

            for (var oldSize = 0; oldSize <= newSize; oldSize++)
            {
                var oldRoot = Mth(0, oldSize);
                var proof = MerkleTree.ProveConsistency(oldSize, newSize, Fetch);

                Assert.Equal(oldSize == 0 ? [] : Sub(oldSize, 0, newSize, true), proof);
                Assert.True(MerkleTree.VerifyConsistency(oldSize, newSize, proof, oldRoot, newRoot));
                Assert.False(MerkleTree.VerifyConsistency(oldSize, newSize, proof, Leaves[7], newRoot));
                Assert.Equal(oldSize == 0 && newSize > 0, MerkleTree.VerifyConsistency(oldSize, newSize, proof, oldRoot, Hash256.Of("x"u8)));
                Assert.False(MerkleTree.VerifyConsistency(oldSize, newSize, [.. proof, newRoot], oldRoot, newRoot));
            }
        }
    }

    [Fact]
    public void What_a_proof_needs_is_known_before_it_is_made()
    {
        var needed = MerkleTree.Needed(fetch => MerkleTree.ProveInclusion(77, 130, fetch));
        var asked = new HashSet<Subtree>();

        MerkleTree.ProveInclusion(77, 130, (level, index) =>
        {
            asked.Add(new Subtree(level, index));
            return Fetch(level, index);
        });

        Assert.Equal(asked, needed);
        Assert.All(needed, s => Assert.True((s.Index + 1) << s.Level <= 130));
    }

    [Fact]
    public void Appending_tells_of_every_complete_subtree_once()
    {
        var stored = new Dictionary<Subtree, Hash256>();
        var frontier = new Frontier();

        foreach (var leaf in Leaves)
        {
            frontier.Append(leaf, (subtree, hash) => stored.Add(subtree, hash));
        }

        Assert.Equal(Enumerable.Range(0, 8).Sum(level => SizeMax >> level), stored.Count);
        Assert.All(stored, s => Assert.Equal(Fetch(s.Key.Level, s.Key.Index), s.Value));
    }

    [Fact]
    public void A_copy_of_a_frontier_grows_alone()
    {
        var frontier = new Frontier();
        frontier.Append(Leaves[0]);

        var copy = frontier.Copy();
        copy.Append(Leaves[1]);

        Assert.Equal((1, Mth(0, 1)), (frontier.Size, frontier.Root));
        Assert.Equal((2, Mth(0, 2)), (copy.Size, copy.Root));
    }

    [Fact]
    public void Bytes_that_are_no_frontier_are_refused()
    {
        var frontier = new Frontier();
        frontier.Append(Leaves[0]);
        var bytes = frontier.Serialize();

        Assert.False(Frontier.TryDeserialize([], out _));
        Assert.False(Frontier.TryDeserialize(bytes.AsSpan(0, bytes.Length - 1), out _));
        Assert.False(Frontier.TryDeserialize([.. bytes, 0], out _));
        Assert.False(Frontier.TryDeserialize([0, 0, 0, 0, 0, 0, 0, 3, .. bytes.AsSpan(8)], out _));
        Assert.False(Frontier.TryDeserialize([0x80, 0, 0, 0, 0, 0, 0, 0, .. bytes.AsSpan(8)], out _));
    }

    [Fact]
    public void Sizes_and_indexes_that_no_tree_has_cannot_be_asked_for()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MerkleTree.ProveInclusion(3, 3, Fetch));
        Assert.Throws<ArgumentOutOfRangeException>(() => MerkleTree.ProveInclusion(-1, 3, Fetch));
        Assert.Throws<ArgumentOutOfRangeException>(() => MerkleTree.ProveConsistency(4, 3, Fetch));
        Assert.Throws<ArgumentOutOfRangeException>(() => MerkleTree.Root(-1, Fetch));
    }

    private static Hash256 Base64(string text) => Hash256.TryParseBase64(text, out var hash) ? hash : throw new FormatException(text);

    private static Hash256 Fetch(int level, long index) => Mth((int)(index << level), (int)((index + 1) << level));

    // RFC 6962, 2.1, as it stands there: slow, and plainly right.
    private static Hash256 Mth(int start, int end) => (end - start) switch
    {
        0 => Hash256.Of([]),
        1 => Leaves[start],
        var n => MerkleTree.NodeHash(Mth(start, start + Half(n)), Mth(start + Half(n), end)),
    };

    private static IEnumerable<Hash256> Path(int m, int start, int end)
    {
        if (end - start == 1)
        {
            return [];
        }

        var k = Half(end - start);
        return m < k ? [.. Path(m, start, start + k), Mth(start + k, end)] : [.. Path(m - k, start + k, end), Mth(start, start + k)];
    }

    private static IEnumerable<Hash256> Sub(int m, int start, int end, bool whole)
    {
        if (m == end - start)
        {
            return whole ? [] : [Mth(start, end)];
        }

        var k = Half(end - start);
        return m <= k ? [.. Sub(m, start, start + k, whole), Mth(start + k, end)] : [.. Sub(m - k, start + k, end, false), Mth(start, start + k)];
    }

    private static int Half(int n)
    {
        var k = 1;

        while (k * 2 < n)
        {
            k *= 2;
        }

        return k;
    }
}
