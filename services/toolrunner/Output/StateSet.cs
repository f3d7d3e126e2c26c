using System.Numerics;

namespace Mesh.Toolrunner.Output;

/// <summary>A set of small numbers, as bits; walking over it costs next to nothing where it is empty.</summary>
internal sealed class StateSet(int words)
{
    private readonly ulong[] bits = new ulong[words];

    // One bit for each word that is not zero.
    private readonly ulong[] used = new ulong[(words + 63) / 64];

    public bool IsEmpty => !used.AsSpan().ContainsAnyExcept(0UL);

    public ulong this[int word] => bits[word];

    public void Add(int state) => Add(state / 64, 1UL << (state % 64));

    /// <summary>Adds the states of one word.</summary>
    public void Add(int word, ulong states)
    {
        if (states != 0)
        {
            bits[word] |= states;
            used[word / 64] |= 1UL << (word % 64);
        }
    }

    /// <summary>Takes the states of one word out.</summary>
    public void Remove(int word, ulong states)
    {
        bits[word] &= ~states;

        if (bits[word] == 0)
        {
            used[word / 64] &= ~(1UL << (word % 64));
        }
    }

    public void Clear()
    {
        for (var group = 0; group < used.Length; group++)
        {
            if (used[group] != 0)
            {
                bits.AsSpan(group * 64, Math.Min(64, bits.Length - (group * 64))).Clear();
                used[group] = 0;
            }
        }
    }

    /// <summary>The words that are not zero, in order. The one that was just given may be emptied meanwhile.</summary>
    public Words GetEnumerator() => new(used);

    internal struct Words(ulong[] used)
    {
        private int group = -1;
        private ulong left;

        public int Current { get; private set; }

        public bool MoveNext()
        {
            while (left == 0)
            {
                if (++group == used.Length)
                {
                    return false;
                }

                left = used[group];
            }

            Current = (group * 64) + BitOperations.TrailingZeroCount(left);
            left &= left - 1;
            return true;
        }
    }
}
