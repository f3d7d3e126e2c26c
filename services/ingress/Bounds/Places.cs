namespace Mesh.Ingress.Bounds;

/// <summary>So many may be in at once. None waits: who finds no place is told to come back.</summary>
internal sealed class Places(int max)
{
    private int count;

    /// <summary>How many are in.</summary>
    public int Taken => Math.Min(max, Volatile.Read(ref count));

    /// <summary>A place, given back when disposed; null when there is none.</summary>
    public IDisposable? TryEnter()
    {
        if (Interlocked.Increment(ref count) <= max)
        {
            return new Place(this);
        }

        Interlocked.Decrement(ref count);
        return null;
    }

    private sealed class Place(Places all) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref all.count);
    }
}
