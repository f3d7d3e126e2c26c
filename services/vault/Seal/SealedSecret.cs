namespace Mesh.Vault.Seal;

/// <summary>One version of a secret as it is stored.</summary>
internal sealed record SealedSecret(long Version, WrappedKey TenantKey, byte[] DataKey, byte[] Value);

/// <summary>A tenant's key under the root key.</summary>
internal sealed record WrappedKey(Guid Id, byte[] Blob);
