using System.Net;
using System.Net.Sockets;

namespace Mesh.TestKit;

/// <summary>Loopback ports that nobody listens on at this moment.</summary>
public static class FreePorts
{
    public static int One() => Several(1)[0];

    /// <summary>Distinct ports: all are held until all are known.</summary>
    public static int[] Several(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        listeners.ForEach(listener => listener.Stop());

        return ports;
    }
}
