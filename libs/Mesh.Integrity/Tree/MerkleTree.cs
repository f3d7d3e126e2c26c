using System.Numerics;
using System.Security.Cryptography;

namespace Mesh.Integrity;

/// <summary>The hash of a complete subtree: the 2^level leaves that begin at leaf <c>index</c> × 2^level.</summary>
/// <param name="level">0 for a leaf hash.</param>
/// <param name="index">Which one of that level, from the left.</param>
public delegate Hash256 SubtreeHash(int level, long index);

/// <summary>The name of a complete subtree, as <see cref="SubtreeHash"/> is asked for it.</summary>
/// <param name="Level">0 for a leaf hash.</param>
/// <param name="Index">Which one of that level, from the left.</param>
public readonly record struct Subtree(int Level, long Index);

/// <summary>The Merkle tree of RFC 6962 with SHA-256: hashes, proofs, and their verification.</summary>
public static class MerkleTree
{
    /// <summary>The root of a tree without leaves.</summary>
    public static Hash256 EmptyRoot { get; } = Hash256.Of([]);

    /// <summary>The hash of a leaf's bytes.</summary>
    public static Hash256 LeafHash(ReadOnlySpan<byte> leaf)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> result = stackalloc byte[Hash256.Size];
        hash.AppendData([0x00]);
        hash.AppendData(leaf);
        hash.GetHashAndReset(result);
        return new Hash256(result);
    }

    /// <summary>The hash of two neighbours.</summary>
    public static Hash256 NodeHash(Hash256 left, Hash256 right)
    {
        Span<byte> preimage = stackalloc byte[1 + (2 * Hash256.Size)];
        preimage[0] = 0x01;
        left.CopyTo(preimage[1..]);
        right.CopyTo(preimage[(1 + Hash256.Size)..]);
        return Hash256.Of(preimage);
    }

    /// <summary>The root of the first <paramref name="size"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public static Hash256 Root(long size, SubtreeHash fetch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        return size == 0 ? EmptyRoot : RangeHash(0, size, fetch);
    }

    /// <summary>The proof that a leaf is in the tree of that size, from the leaf's neighbour up.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such leaf.</exception>
    public static IReadOnlyList<Hash256> ProveInclusion(long index, long size, SubtreeHash fetch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, size);

        var proof = new List<Hash256>();
        var (start, end) = (0L, size);

        // From the root down to the leaf; each turn leaves the other side behind for the proof.
        while (end - start > 1)
        {
            var middle = start + SplitOf(end - start);

            if (index < middle)
            {
                proof.Add(RangeHash(middle, end, fetch));
                end = middle;
            }
            else
            {
                proof.Add(RangeHash(start, middle, fetch));
                start = middle;
            }
        }

        proof.Reverse();
        return proof;
    }

    /// <summary>The proof that the tree of <paramref name="oldSize"/> leaves is the beginning of that of <paramref name="newSize"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The old size is not between 0 and the new one.</exception>
    public static IReadOnlyList<Hash256> ProveConsistency(long oldSize, long newSize, SubtreeHash fetch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(oldSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(oldSize, newSize);

        var proof = new List<Hash256>();

        // Nothing is the beginning of everything, and everything of itself.
        if (oldSize == 0 || oldSize == newSize)
        {
            return proof;
        }

        var (start, end) = (0L, newSize);

        while (end != oldSize)
        {
            var middle = start + SplitOf(end - start);

            if (oldSize <= middle)
            {
                proof.Add(RangeHash(middle, end, fetch));
                end = middle;
            }
            else
            {
                proof.Add(RangeHash(start, middle, fetch));
                start = middle;
            }
        }

        // The verifier has the old root. Only if it is not itself a subtree must its last part be told.
        if (start > 0)
        {
            proof.Add(RangeHash(start, end, fetch));
        }

        proof.Reverse();
        return proof;
    }

    /// <summary>The subtrees that a proof will ask for, so that a store can fetch them at once.</summary>
    /// <param name="prove">The proof, for example <c>fetch => MerkleTree.ProveInclusion(index, size, fetch)</c>.</param>
    public static IReadOnlySet<Subtree> Needed(Action<SubtreeHash> prove)
    {
        var needed = new HashSet<Subtree>();

        prove((level, index) =>
        {
            needed.Add(new Subtree(level, index));
            return default;
        });

        return needed;
    }

    /// <summary>Whether the proof shows that this leaf is at this index of the tree with this root (RFC 9162, 2.1.3.2).</summary>
    public static bool VerifyInclusion(long index, long size, Hash256 leafHash, IReadOnlyList<Hash256> proof, Hash256 root)
    {
        if (index < 0 || index >= size)
        {
            return false;
        }

        var (fn, sn) = (index, size - 1);
        var r = leafHash;

        foreach (var p in proof)
        {
            if (sn == 0)
            {
                return false;
            }

            if (IsRight(fn, sn))
            {
                r = NodeHash(p, r);
                SkipMissing(ref fn, ref sn);
            }
            else
            {
                r = NodeHash(r, p);
            }

            fn >>= 1;
            sn >>= 1;
        }

        return sn == 0 && r == root;
    }

    /// <summary>Whether the proof shows that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2).</summary>
    /// <remarks>An old size of 0 is the beginning of every tree; its root MUST then be that of the empty tree.</remarks>
    public static bool VerifyConsistency(long oldSize, long newSize, IReadOnlyList<Hash256> proof, Hash256 oldRoot, Hash256 newRoot)
    {
        if (oldSize < 0 || oldSize > newSize)
        {
            return false;
        }

        if (oldSize == newSize)
        {
            return proof.Count == 0 && oldRoot == newRoot;
        }

        if (oldSize == 0)
        {
            return proof.Count == 0 && oldRoot == EmptyRoot;
        }

        if (proof.Count == 0)
        {
            return false;
        }

        // A complete old tree is its own first proof element.
        var isComplete = BitOperations.IsPow2(oldSize);
        var (fn, sn) = (oldSize - 1, newSize - 1);

        while ((fn & 1) == 1)
        {
            fn >>= 1;
            sn >>= 1;
        }

        var fr = isComplete ? oldRoot : proof[0];
        var sr = fr;

        foreach (var c in isComplete ? proof : proof.Skip(1))
        {
            if (sn == 0)
            {
                return false;
            }

            if (IsRight(fn, sn))
            {
                fr = NodeHash(c, fr);
                sr = NodeHash(c, sr);
                SkipMissing(ref fn, ref sn);
            }
            else
            {
                sr = NodeHash(sr, c);
            }

            fn >>= 1;
            sn >>= 1;
        }

        return sn == 0 && fr == oldRoot && sr == newRoot;
    }

    private static bool IsRight(long fn, long sn) => (fn & 1) == 1 || fn == sn;

    // The last node of a level has no neighbour and rises as it is, as often as needed.
    private static void SkipMissing(ref long fn, ref long sn)
    {
        while ((fn & 1) == 0 && fn != 0)
        {
            fn >>= 1;
            sn >>= 1;
        }
    }

    // The largest power of two below n.
    private static long SplitOf(long n) => 1L << BitOperations.Log2((ulong)(n - 1));

    // The start is always aligned to the largest power of two in the range.
    private static Hash256 RangeHash(long start, long end, SubtreeHash fetch)
    {
        var width = end - start;

        if (BitOperations.IsPow2(width))
        {
            var level = BitOperations.Log2((ulong)width);
            return fetch(level, start >> level);
        }

        var middle = start + SplitOf(width);
        return NodeHash(RangeHash(start, middle, fetch), RangeHash(middle, end, fetch));
    }
}
