using System.Net;
using System.Net.Sockets;

namespace Mesh.Manifests;

/// <summary>What kind of place an address is.</summary>
public enum AddressKind
{
    /// <summary>Anybody's: the open network.</summary>
    Public,

    /// <summary>This machine.</summary>
    Loopback,

    /// <summary>The operator's own network.</summary>
    Private,

    /// <summary>Never a tool's target: metadata services, link-local, multicast, reserved, addresses that carry another one.</summary>
    Forbidden,
}

/// <summary>Sorts addresses. What is not known to be reachable for a good reason is forbidden.</summary>
/// <remarks>The tool runner connects by it, and an integration that no call could ever reach is refused when it is applied.</remarks>
public static class AddressRule
{
    private static readonly IPNetwork[] ForbiddenNetworks =
    [
        Net("0.0.0.0/8"), Net("100.64.0.0/10"), Net("169.254.0.0/16"), Net("192.0.0.0/24"), Net("192.0.2.0/24"), Net("192.88.99.0/24"),
        Net("198.18.0.0/15"), Net("198.51.100.0/24"), Net("203.0.113.0/24"), Net("224.0.0.0/4"), Net("240.0.0.0/4"),

        // Metadata of a cloud at an address that looks public.
        Net("168.63.129.16/32"),

        // Unspecified and compatible, NAT64, discard, Teredo, ORCHID, documentation, 6to4, link-local, site-local, multicast.
        Net("::/96"), Net("64:ff9b::/96"), Net("64:ff9b:1::/48"), Net("100::/64"), Net("2001::/23"), Net("2001:db8::/32"),
        Net("2002::/16"), Net("3fff::/20"), Net("5f00::/16"), Net("fe80::/10"), Net("fec0::/10"), Net("ff00::/8"),

        // Metadata of a cloud inside the unique local range.
        Net("fd00:ec2::254/128"), Net("fd20:ce::254/128"),
    ];

    private static readonly IPNetwork[] PrivateNetworks = [Net("10.0.0.0/8"), Net("172.16.0.0/12"), Net("192.168.0.0/16"), Net("fc00::/7")];

    /// <summary>The kind of an address; of an IPv4 address inside an IPv6 one, the kind of that.</summary>
    public static AddressKind KindOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (IPAddress.IsLoopback(address))
        {
            return AddressKind.Loopback;
        }

        if (address.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6) || Holds(ForbiddenNetworks, address))
        {
            return AddressKind.Forbidden;
        }

        return Holds(PrivateNetworks, address) ? AddressKind.Private : AddressKind.Public;
    }

    private static bool Holds(IPNetwork[] networks, IPAddress address)
    {
        // A scope id would make the same address unequal.
        var plain = address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes()) : address;

        foreach (var network in networks)
        {
            if (network.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    private static IPNetwork Net(string text) => IPNetwork.Parse(text);
}
