namespace Mesh.Cli.Dev;

/// <summary>PostgreSQL cannot be had or started here; the message is one line that a user can act on.</summary>
internal sealed class PrivatePostgresException(string message) : Exception(message);
