namespace EndToEnd.Tests.Fixture;

/// <summary>Brings a task to a moment of its path, held there by a slow shop, for as long as it takes to do something to it.</summary>
public static class Moments
{
    // Long enough to see it and to kill; the shop goes on by itself afterwards.
    private const int HoldMs = 800;

    /// <summary>Delivers a webhook, acts at the moment, and answers the task.</summary>
    public static async Task<string> ActAtAsync(this RefundMesh mesh, StepMoment moment, string order, Func<Task> act, string tenant = RefundMesh.Acme)
    {
        var since = (await mesh.WholeLogAsync()).Requests.Count;

        if (Slowness(moment) is { } slowness)
        {
            await mesh.Shop.TellAsync("/_slow", slowness);
        }

        var delivering = mesh.Webhooks.DeliverAsync(tenant, order);

        if (moment != StepMoment.Submitting)
        {
            await delivering;
        }

        switch (moment)
        {
            case StepMoment.ToolCalled:
                await mesh.ShopHoldsAsync("POST", "/v1/refunds", since);
                break;

            case StepMoment.ToolPerformed:
                await mesh.ShopRefundedAsync(order);
                break;

            case StepMoment.ToolAnswered:
                await Mesh.TestKit.Eventually.Async(async () => (await mesh.LogOfAsync(order)).Answered("POST", "/v1/refunds") > 0, TimeSpan.FromSeconds(60));
                break;

            case StepMoment.MailCalled:
                await mesh.ShopHoldsAsync("POST", "/v1/mails", since);
                break;
        }

        await act();
        return await delivering;
    }

    private static object? Slowness(StepMoment moment) => moment switch
    {
        StepMoment.ToolCalled => new { path = "/v1/refunds", beforeMs = HoldMs },
        StepMoment.ToolPerformed => new { path = "/v1/refunds", afterMs = HoldMs },

        // What follows is held, so that the task is not over before anything is done to it.
        StepMoment.ToolAnswered => new { path = "/v1/mails", beforeMs = HoldMs },
        StepMoment.MailCalled => new { path = "/v1/mails", beforeMs = HoldMs },
        _ => null,
    };
}
