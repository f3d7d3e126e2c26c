using Google.Protobuf.WellKnownTypes;

namespace Mesh.Sdk.Tests.Peer;

/// <summary>A step or a call as the peer keeps it.</summary>
internal sealed class JournaledStep
{
    public required string Key { get; init; }

    public required int Position { get; init; }

    public Value? Value { get; init; }

    public string? Tool { get; init; }

    public Value? Arguments { get; init; }

    /// <summary>Null while a call has not ended.</summary>
    public Agent.V1.CallToolResponse? Ended { get; set; }

    public string Branch => Key.Contains('/', StringComparison.Ordinal) ? Key.Split('/')[0] : "";

    public Agent.V1.RecordedStep ToWire() => this switch
    {
        { Value: { } value } => new() { StepKey = Key, Position = Position, Value = value },
        { Ended: { } ended } => new() { StepKey = Key, Position = Position, Call = ended },
        _ => new() { StepKey = Key, Position = Position, Pending = new Agent.V1.PendingCall { Tool = Tool } },
    };
}
