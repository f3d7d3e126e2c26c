namespace Mesh.Audit.Intake;

/// <summary>Facts cannot enter the log as things stand. The bus tries again, and at last parks them with this reason.</summary>
internal sealed class FactsRefusedException(string reason) : Exception(reason);
