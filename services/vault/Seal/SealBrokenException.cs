namespace Mesh.Vault.Seal;

/// <summary>A sealed value did not open: it was changed, moved, or sealed under another key.</summary>
internal sealed class SealBrokenException() : Exception("A sealed value did not open: it was changed, moved or sealed under another key.");
