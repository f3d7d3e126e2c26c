namespace Mesh.Vault.Seal;

/// <summary>There is no root key that the vault would use. The message is for the operator and holds no key.</summary>
internal sealed class RootKeyRefusedException(string message) : Exception(message);
