using System.Collections.Concurrent;
using Mesh.Integrity;

namespace Mesh.Vault.Seal;

/// <summary>The keys of an unsealed vault, in memory only.</summary>
internal sealed class VaultKeys(Guid instance, SecretBytes root, SecretBytes pepper) : IDisposable
{
    private readonly Guid rootId = RootKeyFile.IdOf(root);
    private readonly ConcurrentDictionary<(string Tenant, Guid KeyId), SecretBytes> tenantKeys = new();

    /// <summary>The row of a lease is found by this; without the pepper the row is of no use.</summary>
    public Hash256 MacOf(OpaqueToken token) => token.Mac(pepper.Span);

    /// <summary>Makes a key for a tenant and wraps it.</summary>
    public WrappedKey NewTenantKey(string tenant)
    {
        var keyId = Guid.CreateVersion7();
        var key = SecretBytes.Random(SealedBlob.KeyBytes);
        tenantKeys[(tenant, keyId)] = key;

        // The key's own id stands in the place of a name: one tenant's keys are not interchangeable either.
        return new WrappedKey(keyId, SealedBlob.Seal(root.Span, rootId, key.Span, TenantKeyPlace(tenant, keyId)));
    }

    /// <summary>Seals a value under a key of its own, which is wrapped by the tenant's.</summary>
    public SealedSecret Seal(string tenant, Secrets.SecretName name, long version, SecretBytes value, WrappedKey tenantKey)
    {
        var key = Open(tenant, tenantKey);
        using var dataKey = SecretBytes.Random(SealedBlob.KeyBytes);

        return new SealedSecret(
            version,
            tenantKey,
            SealedBlob.Seal(key.Span, tenantKey.Id, dataKey.Span, SealedPlace.DataKey(tenant, name, version).In(instance)),
            SealedBlob.Seal(dataKey.Span, tenantKey.Id, value.Span, SealedPlace.Value(tenant, name, version).In(instance)));
    }

    /// <summary>Opens a value. The caller disposes of it.</summary>
    /// <exception cref="SealBrokenException">The row was changed or moved.</exception>
    public SecretBytes Open(string tenant, Secrets.SecretName name, SealedSecret secret)
    {
        var key = Open(tenant, secret.TenantKey);
        using var dataKey = SealedBlob.Open(key.Span, secret.TenantKey.Id, secret.DataKey, SealedPlace.DataKey(tenant, name, secret.Version).In(instance));
        return SealedBlob.Open(dataKey.Span, secret.TenantKey.Id, secret.Value, SealedPlace.Value(tenant, name, secret.Version).In(instance));
    }

    public void Dispose()
    {
        pepper.Dispose();

        foreach (var key in tenantKeys.Values)
        {
            key.Dispose();
        }
    }

    private SecretBytes Open(string tenant, WrappedKey wrapped) =>
        tenantKeys.GetOrAdd(
            (tenant, wrapped.Id),
            static (at, wrapped) => wrapped.Keys.Unwrap(at.Tenant, at.KeyId, wrapped.Blob),
            (Keys: this, wrapped.Blob));

    private SecretBytes Unwrap(string tenant, Guid keyId, byte[] blob) => SealedBlob.Open(root.Span, rootId, blob, TenantKeyPlace(tenant, keyId));

    private byte[] TenantKeyPlace(string tenant, Guid keyId) => SealedPlace.TenantKey(tenant, keyId).In(instance);
}
