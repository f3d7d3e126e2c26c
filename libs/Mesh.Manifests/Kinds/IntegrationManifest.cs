using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Kinds;

/// <summary>An external system that tools call.</summary>
/// <param name="BaseUrl">What a tool's path is appended to; it never ends in a slash.</param>
/// <param name="Egress">The only hosts that its tools may reach; the base URL's host is one of them.</param>
/// <param name="Credential">Where the leased secret goes; null when the system wants none.</param>
public sealed record IntegrationManifest(string BaseUrl, IReadOnlyList<EgressHost> Egress, Credential? Credential) : Manifest;

/// <summary>One host and port that may be reached, exactly.</summary>
/// <param name="Host">A DNS name in lower case, an IPv4 address, or an IPv6 address without brackets.</param>
/// <param name="Port">From 1 to 65535.</param>
public sealed record EgressHost(string Host, int Port);

/// <summary>The secret of an integration.</summary>
/// <param name="Secret">Its name within the integration; the vault keeps it as <c>integration/secret</c>.</param>
/// <param name="Injection">Where the value goes in a request.</param>
public sealed record Credential(string Secret, CredentialInjection Injection);

/// <summary>Where a credential goes in a request.</summary>
public abstract record CredentialInjection
{
    /// <summary>A header, such as <c>Authorization: Bearer {value}</c>.</summary>
    public sealed record Header(string Name, Template Format) : CredentialInjection;

    /// <summary>A query parameter.</summary>
    public sealed record Query(string Name) : CredentialInjection;

    /// <summary>HTTP basic authentication. Without a user name the secret itself is <c>user:password</c>.</summary>
    public sealed record Basic(string? Username) : CredentialInjection;
}
