namespace Mesh.Integrity;

/// <summary>JSON that the caller took for acceptable was refused.</summary>
/// <param name="refusal">What was wrong, and where.</param>
public sealed class JsonRefusedException(JsonRefusal refusal) : FormatException($"The JSON was refused: {refusal}.")
{
    /// <summary>What was wrong, and where.</summary>
    public JsonRefusal Refusal { get; } = refusal;
}
