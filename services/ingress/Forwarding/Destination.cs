using Google.Protobuf.Reflection;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Forwarding;

/// <summary>Where a request wants to go.</summary>
internal abstract record Destination
{
    /// <summary>A method of the public API.</summary>
    /// <param name="Name">Such as <c>/mesh.policy.v1.AccessService/WhoAmI</c>.</param>
    /// <param name="Owner">The service that answers it.</param>
    /// <param name="Json">Where it is asked for by JSON; null when it was by gRPC.</param>
    /// <param name="TakesStream">Whether its request is a stream.</param>
    /// <param name="GivesStream">Whether its response is a stream.</param>
    /// <param name="Input">Its request.</param>
    internal sealed record Method(string Name, string Owner, Page? Json, bool TakesStream, bool GivesStream, MessageDescriptor Input) : Destination
    {
        public bool IsGrpc => Json is null;
    }

    /// <summary>A method's place in the JSON API.</summary>
    /// <param name="Path">Its path, with fields of the request in it.</param>
    /// <param name="TakesBody">Whether the other fields are in the body; else they are in the query.</param>
    internal sealed record Page(PathTemplate Path, bool TakesBody);

    internal sealed record Webhook(string Tenant, string Name) : Destination;

    internal sealed record FrontPage : Destination;

    /// <summary>Somebody asks which HTTP methods there are.</summary>
    internal sealed record Allows(string Methods) : Destination;

    /// <summary>There is no such thing for strangers, whatever there may be inside.</summary>
    /// <param name="Why">What they are told.</param>
    /// <param name="Methods">The HTTP methods that the path has, if it has any.</param>
    internal sealed record Nowhere(MeshError Why, string? Methods = null) : Destination;
}
