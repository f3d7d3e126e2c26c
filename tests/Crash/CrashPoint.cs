using EndToEnd.Tests.Fixture;
using Mesh.TestKit;

namespace Crash.Tests;

/// <summary>A moment right before or right after a durable effect, at which a service dies.</summary>
/// <param name="Number">Stays with its moment: reports are compared by it.</param>
/// <param name="Effect">What is made durable.</param>
/// <param name="Side"><c>before</c> or <c>after</c> it.</param>
/// <param name="Victim">The service that is killed.</param>
/// <param name="Means">What is true at that moment.</param>
internal abstract record CrashPoint(int Number, string Effect, string Side, string Victim, string Means)
{
    /// <summary>What became of a refund in this crash only the shop's book can tell, so a person has to.</summary>
    public bool NeedsPerson { get; init; }

    /// <summary>The moment is at what comes of a person's approval, which the bus brings.</summary>
    public bool IsAtApproval { get; init; }

    /// <summary>The moment is at a delivery that the broker alone has accepted, because no orchestrator answered. Only a bus with a broker has it.</summary>
    public bool IsQueued { get; init; }

    /// <summary>Kills the victim at the moment of the task that <paramref name="deliver"/> begins; answers that task, and when the victim was dead.</summary>
    public abstract Task<(Task<string> Delivery, DateTime DeadAt)> StrikeAsync(CrashMesh mesh, string order, Func<Task<string>> deliver);

    public override string ToString() => $"{Number:00} {Side} {Effect}";
}

/// <summary>A moment at the commit of a transaction of the task.</summary>
internal sealed record AtCommit(int Number, string Effect, string Side, string Victim, string Means) : CrashPoint(Number, Effect, Side, Victim, Means)
{
    /// <summary>The service whose transaction it is.</summary>
    public required string Writer { get; init; }

    public required string Table { get; init; }

    /// <summary>In SQL: <c>insert</c>, <c>update</c>, <c>delete</c>.</summary>
    public required string Changes { get; init; }

    /// <summary>SQL over <c>new</c> and <c>old</c>: which of the changes.</summary>
    public required string When { get; init; }

    /// <summary>
    /// The commit becomes durable while the victim stands still, which then dies without having read so. Otherwise it dies while
    /// everything is written and nothing is durable, and nothing of it ever becomes so.
    /// </summary>
    public required bool IsDurable { get; init; }

    /// <summary>No agent waits when the task is submitted. Otherwise the one that does is given it in the same commit.</summary>
    public bool WithoutAgent { get; init; }

    public override async Task<(Task<string> Delivery, DateTime DeadAt)> StrikeAsync(CrashMesh mesh, string order, Func<Task<string>> deliver)
    {
        await using var held = await HeldCommit.OfAsync(mesh.Store, Table, Changes, When);

        if (WithoutAgent)
        {
            await mesh.KillAgentAsync();
        }

        var delivery = deliver();
        var committer = await Eventually.ValueAsync(held.FindAsync, TimeSpan.FromSeconds(60), $"somebody at the commit of {this}");
        Assert.Equal($"mesh_{Writer}", committer.Role);

        if (IsDurable)
        {
            await mesh.StopAsync(Victim);
            await held.LetCommitAsync(committer);
            await mesh.KillAsync(Victim);
        }
        else
        {
            await mesh.KillAsync(Victim);
            await held.RollBackAsync(committer);
        }

        return (delivery, DateTime.UtcNow);
    }
}

/// <summary>The shop has refunded and its answer is on the runner's socket; the runner stands still, and dies without having read it.</summary>
internal sealed record AtAnswer(int Number, string Effect, string Side, string Victim, string Means) : CrashPoint(Number, Effect, Side, Victim, Means)
{
    public override async Task<(Task<string> Delivery, DateTime DeadAt)> StrikeAsync(CrashMesh mesh, string order, Func<Task<string>> deliver)
    {
        await mesh.Shop.TellAsync("/_slow", new { path = "/v1/refunds", afterMs = 1_000 });
        var delivery = deliver();
        await mesh.ShopRefundedAsync(order);
        await mesh.StopAsync(Victim);
        Assert.Equal(0, (await mesh.LogOfAsync(order)).Answered("POST", "/v1/refunds"));
        await Eventually.Async(async () => (await mesh.LogOfAsync(order)).Answered("POST", "/v1/refunds") == 1, TimeSpan.FromSeconds(60));
        await mesh.KillAsync(Victim);

        return (delivery, DateTime.UtcNow);
    }
}
