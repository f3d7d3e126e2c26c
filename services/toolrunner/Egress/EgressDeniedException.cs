namespace Mesh.Toolrunner.Egress;

/// <summary>Carries a refusal out of the connect callback, which can only connect or throw.</summary>
internal sealed class EgressDeniedException(string message) : IOException(message);
