namespace Mesh.Postgres;

/// <summary>A migration could not lock what it changes, for as long as it tries. What was not finished left nothing.</summary>
public sealed class SchemaBlockedException(string message, Exception cause) : Exception(message, cause);
