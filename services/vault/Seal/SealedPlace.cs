using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Seal;

/// <summary>Where a sealed value belongs. What is sealed for one place opens at no other.</summary>
internal sealed record SealedPlace(string Tenant, string Integration, string Name, long Version, string Purpose)
{
    private const string Label = "mesh/vault/v1";

    /// <summary>The key under which lease tokens are hashed.</summary>
    public static readonly SealedPlace Pepper = new("", "", "", 0, "pepper");

    /// <summary>A tenant's key, which wraps the keys of its secrets.</summary>
    public static SealedPlace TenantKey(string tenant, Guid keyId) => new(tenant, "", keyId.ToString("D"), 0, "tenant-key");

    /// <summary>The key of one version of a secret.</summary>
    public static SealedPlace DataKey(string tenant, SecretName name, long version) =>
        new(tenant, name.Integration, name.Name, version, "data-key");

    /// <summary>One version of a secret.</summary>
    public static SealedPlace Value(string tenant, SecretName name, long version) =>
        new(tenant, name.Integration, name.Name, version, "value");

    /// <summary>The place in bytes. Every part has its length before it, so that (ab, c) and (a, bc) differ.</summary>
    public byte[] In(Guid instance)
    {
        string[] parts =
        [
            Label, instance.ToString("D"), Tenant, Integration, Name, Version.ToString(CultureInfo.InvariantCulture), Purpose,
        ];

        var bytes = new byte[parts.Sum(part => 4 + Encoding.UTF8.GetByteCount(part))];
        var rest = bytes.AsSpan();

        foreach (var part in parts)
        {
            var length = Encoding.UTF8.GetBytes(part, rest[4..]);
            BinaryPrimitives.WriteInt32BigEndian(rest, length);
            rest = rest[(4 + length)..];
        }

        return bytes;
    }
}
