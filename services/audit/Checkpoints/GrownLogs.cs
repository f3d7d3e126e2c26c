using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Mesh.Audit.Checkpoints;

/// <summary>How far a log has grown, or will have when the transaction commits, and since when nobody has looked.</summary>
internal readonly record struct Growth(long Size, long Since);

/// <summary>The logs that have grown since somebody last looked, so that an idle service looks at nothing.</summary>
internal sealed class GrownLogs
{
    private readonly ConcurrentDictionary<string, Growth> logs = new();

    // Room for one: a second signal adds nothing to the first.
    private readonly Channel<bool> signal =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Add(string tenant, long size) => Add(tenant, new Growth(size, TimeProvider.System.GetTimestamp()));

    public void Add(string tenant, Growth growth)
    {
        logs.AddOrUpdate(
            tenant,
            static (_, added) => added,
            static (_, known, added) => new Growth(Math.Max(known.Size, added.Size), Math.Min(known.Since, added.Since)),
            growth);
        signal.Writer.TryWrite(true);
    }

    /// <summary>Waits until a log has grown, and takes all that have.</summary>
    public async Task<IReadOnlyDictionary<string, Growth>> TakeAsync(CancellationToken stop)
    {
        await signal.Reader.ReadAsync(stop);
        var taken = new Dictionary<string, Growth>();

        foreach (var tenant in logs.Keys)
        {
            // Taken before its leaves are read: what is appended after this is signalled again.
            if (logs.TryRemove(tenant, out var growth))
            {
                taken.Add(tenant, growth);
            }
        }

        return taken;
    }
}
