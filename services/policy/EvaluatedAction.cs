using Mesh.Integrity;
using Mesh.Policy.Evaluation;
using Mesh.Policy.Versions;

namespace Mesh.Policy;

/// <summary>An action, what policy itself knows about it, and what the rules say.</summary>
internal sealed record EvaluatedAction(ActionRequest Request, ToolDefinition Tool, ActionDigest Digest, Verdict Verdict);
