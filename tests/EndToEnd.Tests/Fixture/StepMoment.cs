namespace EndToEnd.Tests.Fixture;

/// <summary>Where on the path something is done to a task.</summary>
public enum StepMoment
{
    /// <summary>The webhook is on its way and not answered.</summary>
    Submitting,

    /// <summary>The webhook was answered with 2xx just now: the agent starts, policy decides.</summary>
    Accepted,

    /// <summary>The refund's request is at the shop, and the shop has done nothing yet.</summary>
    ToolCalled,

    /// <summary>The shop has refunded, and has not said so yet.</summary>
    ToolPerformed,

    /// <summary>The shop has answered just now.</summary>
    ToolAnswered,

    /// <summary>The mail's request is at the shop: everything before it is recorded.</summary>
    MailCalled,
}
