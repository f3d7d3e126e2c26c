namespace Mesh.Running;

/// <summary>The handler asks for something else than was recorded at this place.</summary>
internal sealed class HandlerChangedException(string message) : Exception(message);
