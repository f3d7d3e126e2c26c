using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Vault.Definitions;

/// <summary>Keeps what was read by its digest. What is found is never stale; what is not found is not remembered.</summary>
internal sealed class DefinitionCache<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private const int EntriesMax = 4_096;

    private readonly ConcurrentDictionary<TKey, TValue> entries = new();

    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value) => entries.TryGetValue(key, out value);

    public TValue Keep(TKey key, TValue value)
    {
        // Rare, and cheap to read again: not worth keeping an order of use.
        if (entries.Count >= EntriesMax)
        {
            entries.Clear();
        }

        return entries.GetOrAdd(key, value);
    }
}
