namespace Mesh.Postgres;

/// <summary>The server's settings would lose acknowledged data. The message says which, and what to do.</summary>
public sealed class UnsafeStoreException(string message) : Exception(message);
