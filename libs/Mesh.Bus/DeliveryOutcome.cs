namespace Mesh.Bus;

/// <summary>What became of one message that was given to its handler.</summary>
public abstract record DeliveryOutcome
{
    private DeliveryOutcome()
    {
    }

    /// <summary>It had its effect, now or earlier. It may be forgotten.</summary>
    public sealed record Done : DeliveryOutcome;

    /// <summary>The handler failed. It is tried again after a pause.</summary>
    public sealed record Failed(string Error) : DeliveryOutcome;

    /// <summary>Nobody can read it. It is parked at once.</summary>
    public sealed record Undecodable(string Error) : DeliveryOutcome;

    /// <summary>An earlier message of its key failed, so its turn has not come.</summary>
    public sealed record NotItsTurn : DeliveryOutcome;
}
