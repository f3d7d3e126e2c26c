namespace Mesh.Policy.Evaluation;

/// <summary>What a condition says of a call. An error is an answer of its own: each effect counts it against the call.</summary>
internal enum Truth
{
    No,
    Error,
    Yes,
}
