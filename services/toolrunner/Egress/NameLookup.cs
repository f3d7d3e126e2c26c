using System.Collections.Concurrent;
using System.Net;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Egress;

/// <summary>Asks the system for the addresses of names.</summary>
/// <remarks>
/// The system's resolver blocks until a name server has answered, on Linux also behind the runtime's asynchronous call. So it
/// gets a thread of its own, one for each name that is asked for at the moment.
/// </remarks>
/// <param name="ask">Blocks until it has the addresses.</param>
internal sealed class NameLookup(Func<string, IPAddress[]> ask)
{
    private readonly ConcurrentDictionary<string, Lazy<Task<IPAddress[]>>> underWay = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The addresses of a name; who asks while another one does gets the same answer.</summary>
    /// <param name="host">The name.</param>
    /// <param name="stop">Ends the waiting, not the lookup: others may wait for it.</param>
    /// <exception cref="System.Net.Sockets.SocketException">There is no such name, or nobody who knows.</exception>
    public Task<IPAddress[]> AddressesAsync(string host, CancellationToken stop) =>
        underWay.GetOrAdd(host, name => new(() => AskAsync(name))).Value.WaitAsync(stop);

    private async Task<IPAddress[]> AskAsync(string host)
    {
        try
        {
            return await OwnThread.RunAsync(() => ask(host));
        }
        finally
        {
            underWay.TryRemove(host, out _);
        }
    }
}
