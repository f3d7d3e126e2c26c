using Mesh.Manifests.Kinds;

namespace Mesh.Toolrunner.Custody;

/// <summary>Where a credential goes in a request. Two of them are compared: the vault's and the spec's.</summary>
internal abstract record CredentialSlot
{
    /// <param name="Name">The header.</param>
    /// <param name="Format">A template with <c>{value}</c>.</param>
    internal sealed record Header(string Name, string Format) : CredentialSlot;

    internal sealed record Query(string Name) : CredentialSlot;

    /// <param name="Username">Empty when the secret itself is <c>user:password</c>.</param>
    internal sealed record Basic(string Username) : CredentialSlot;

    public static CredentialSlot? Of(Credential? credential) => credential?.Injection switch
    {
        null => null,
        CredentialInjection.Header header => new Header(header.Name, header.Format.Written),
        CredentialInjection.Query query => new Query(query.Name),
        CredentialInjection.Basic basic => new Basic(basic.Username ?? ""),
        _ => throw new InvalidOperationException("An injection has no other slot."),
    };
}
