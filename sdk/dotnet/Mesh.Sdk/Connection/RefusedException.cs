namespace Mesh.Connection;

/// <summary>Mesh refused a call of the protocol, and repeating it would get the same answer.</summary>
internal sealed class RefusedException(Refusal refusal) : Exception($"{refusal.Name}: {refusal.Message}")
{
    public Refusal Refusal { get; } = refusal;
}
