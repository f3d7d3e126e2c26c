using Mesh.ServiceHost;

namespace Mesh.Ingress.Identity;

/// <summary>Who is calling, as far as that is known.</summary>
internal abstract record Identification
{
    internal sealed record Known(Principal Principal) : Identification;

    /// <summary>No token was shown.</summary>
    internal sealed record Nobody : Identification;

    /// <summary>What was shown is no token of this system.</summary>
    internal sealed record Malformed : Identification;

    /// <summary>Policy does not know the token, or not any more.</summary>
    internal sealed record Stranger : Identification;

    /// <summary>Policy could not say. Nobody is let in because nobody could be asked.</summary>
    internal sealed record Unanswered(MeshError Why) : Identification;
}
