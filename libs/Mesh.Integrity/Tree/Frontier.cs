using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Mesh.Integrity;

/// <summary>The right edge of a growing tree: all that is needed to append and to know the root.</summary>
/// <remarks>Not safe for concurrent use: the writer that holds the log's row lock owns it.</remarks>
public sealed class Frontier
{
    // The roots of the complete subtrees, the largest first: one for each bit of the size.
    private readonly List<Hash256> roots;

    private Frontier(long size, List<Hash256> roots)
    {
        Size = size;
        this.roots = roots;
    }

    /// <summary>The edge of an empty tree.</summary>
    public Frontier() : this(0, [])
    {
    }

    /// <summary>How many leaves the tree has; the next one gets this index.</summary>
    public long Size { get; private set; }

    /// <summary>The root of the tree as it is.</summary>
    public Hash256 Root
    {
        get
        {
            if (roots.Count == 0)
            {
                return MerkleTree.EmptyRoot;
            }

            var root = roots[^1];

            for (var i = roots.Count - 2; i >= 0; i--)
            {
                root = MerkleTree.NodeHash(roots[i], root);
            }

            return root;
        }
    }

    /// <summary>Appends a leaf by its hash.</summary>
    /// <param name="leafHash">From <see cref="MerkleTree.LeafHash"/>.</param>
    /// <param name="completed">Told of each subtree that this leaf completes, the leaf itself included, for a store of hashes.</param>
    public void Append(Hash256 leafHash, Action<Subtree, Hash256>? completed = null)
    {
        var (hash, level, index) = (leafHash, 0, Size);
        completed?.Invoke(new Subtree(level, index), hash);

        for (; (index & 1) == 1; index >>= 1)
        {
            hash = MerkleTree.NodeHash(roots[^1], hash);
            roots.RemoveAt(roots.Count - 1);
            completed?.Invoke(new Subtree(++level, index >> 1), hash);
        }

        roots.Add(hash);
        Size++;
    }

    /// <summary>A second edge of the same tree, to try an append that may not be committed.</summary>
    public Frontier Copy() => new(Size, [.. roots]);

    /// <summary>The edge as bytes: the size (8 bytes, big-endian), then the hashes, the largest subtree first.</summary>
    public byte[] Serialize()
    {
        var bytes = new byte[8 + (roots.Count * Hash256.Size)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Size);

        for (var i = 0; i < roots.Count; i++)
        {
            roots[i].CopyTo(bytes.AsSpan(8 + (i * Hash256.Size)));
        }

        return bytes;
    }

    /// <summary>Reads what <see cref="Serialize"/> wrote. The root MUST be compared with a signed one before it is trusted.</summary>
    public static bool TryDeserialize(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Frontier? frontier)
    {
        frontier = null;

        if (bytes.Length < 8 || BinaryPrimitives.ReadInt64BigEndian(bytes) is not (>= 0 and var size)
            || bytes.Length != 8 + (BitOperations.PopCount((ulong)size) * Hash256.Size))
        {
            return false;
        }

        var roots = new List<Hash256>();

        for (var at = 8; at < bytes.Length; at += Hash256.Size)
        {
            roots.Add(new Hash256(bytes.Slice(at, Hash256.Size)));
        }

        frontier = new Frontier(size, roots);
        return true;
    }
}
