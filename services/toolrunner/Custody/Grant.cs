using Mesh.Integrity;

namespace Mesh.Toolrunner.Custody;

/// <summary>What the vault gave for one dispatch. The credential is erased with it.</summary>
internal sealed record Grant : IDisposable
{
    public required string LeaseId { get; init; }

    public required DateTimeOffset RedeemedAt { get; init; }

    /// <summary>Null for a tool without a secret.</summary>
    public required SecretBytes? Credential { get; init; }

    public required CredentialSlot? Slot { get; init; }

    public required string BaseUrl { get; init; }

    /// <summary>`host:port`, exact.</summary>
    public required IReadOnlyList<string> Egress { get; init; }

    public void Dispose() => Credential?.Dispose();

    public override string ToString() => $"lease {LeaseId}";
}
