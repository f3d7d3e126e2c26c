using System.Collections.Immutable;
using Google.Protobuf;
using Grpc.Core;
using V1 = Mesh.Policy.V1;

namespace Mesh.ServiceHost;

/// <summary>How a principal travels between services: the metadata entry <c>mesh-principal-bin</c>. Ingress alone sets it.</summary>
public static class PrincipalMetadata
{
    /// <summary>The name of the entry. Ingress MUST strip it from whatever comes from outside.</summary>
    public const string Name = "mesh-principal-bin";

    /// <summary>Puts the principal into a call's metadata.</summary>
    public static void Add(this Metadata metadata, Principal principal) => metadata.Add(Name, Write(principal).ToByteArray());

    /// <summary>The value of the HTTP header, for a proxy that copies headers instead of making calls.</summary>
    public static string HeaderValue(Principal principal) => Convert.ToBase64String(Write(principal).ToByteArray()).TrimEnd('=');

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static Principal Read(V1.Principal wire) => new(
        wire.Id,
        wire.Kind == V1.Principal.Types.Kind.Person ? PrincipalKind.Person : PrincipalKind.System,
        wire.Roles.GroupBy(grant => grant.Tenant).ToImmutableDictionary(grants => grants.Key, grants => grants.Select(grant => grant.Role).ToImmutableHashSet()),
        [.. wire.Groups.Select(group => new Group(group.Tenant, group.Group))],
        wire.TokenId);

    /// <summary>Turns a principal into its message.</summary>
    public static V1.Principal Write(Principal principal)
    {
        var wire = new V1.Principal
        {
            Id = principal.Id,
            Kind = principal.Kind == PrincipalKind.Person ? V1.Principal.Types.Kind.Person : V1.Principal.Types.Kind.System,
            TokenId = principal.TokenId,
        };
        wire.Roles.AddRange(principal.Roles.SelectMany(roles => roles.Value.Select(role => new V1.RoleGrant { Tenant = roles.Key, Role = role })));
        wire.Groups.AddRange(principal.Groups.Select(group => new V1.GroupMembership { Tenant = group.Tenant, Group = group.Name }));
        return wire;
    }

    internal static Principal? Find(IHeaderDictionary headers)
    {
        // Two principals in one call: whoever added the second wants to be mistaken for somebody.
        if (headers[Name] is not [{ } value] || value.Contains(',', StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            // gRPC leaves out the padding of base64.
            return Read(V1.Principal.Parser.ParseFrom(Convert.FromBase64String(value.PadRight((value.Length + 3) / 4 * 4, '='))));
        }
        catch (Exception e) when (e is FormatException or InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
