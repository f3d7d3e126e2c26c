namespace Mesh.ServiceHost;

/// <summary>Marks connections of the listener that peers call: what is not a method of the caller table is refused there.</summary>
internal sealed class PeerListener
{
    public static readonly PeerListener Mark = new();

    private PeerListener()
    {
    }
}
