using System.Text.Json;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Crashes;

/// <summary>G13: a replaced worker can do nothing.</summary>
/// <remarks>A claim lasts 30 seconds, and each of these waits for one to run out.</remarks>
public sealed class ReplacedWorkerTests(TwoTenantMesh mesh) : IClassFixture<TwoTenantMesh>
{
    private const int Stop = 19;
    private const int Continue = 18;

    private static readonly TimeSpan ClaimAndAPoll = TimeSpan.FromSeconds(100);

    [Fact]
    public async Task An_agent_that_lost_its_claim_can_neither_extend_it_nor_record_nor_call_nor_finish()
    {
        var order = await mesh.OfferOrderAsync();
        var version = (await mesh.Api.Catalog.GetManifestAsync(
            new GetManifestRequest { Tenant = TwoTenantMesh.Second, Kind = "Workflow", Name = "refund-request" },
            cancellationToken: TestContext.Current.CancellationToken)).Manifest.WorkflowVersion;
        using var silent = new SecondRunner(mesh, TwoTenantMesh.Second, version);

        // Nobody else waits for this tenant's work yet, so the silent one gets it; then it says nothing until it was replaced.
        var id = await mesh.StartTaskAsync(order, TwoTenantMesh.Second);
        var item = await silent.TakeAsync(id, TimeSpan.FromSeconds(10));
        var task = await mesh.RestAsync(id, TwoTenantMesh.Second);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id, TwoTenantMesh.Second));
        Assert.True(task.Epoch > 1);
        var before = (await mesh.LogOfAsync(order)).Requests.Count;
        Assert.Equal(ClaimStatus.Types.State.Lost, await silent.ExtendAsync(item.Claim));
        await AssertClaimLostAsync(async () => await silent.RecordAsync(item.Claim, "late#0", 0, "1"));
        await AssertClaimLostAsync(async () => await silent.CallAsync(item.Claim, "late#0", 0, "mail.send", """{"to":"a@b.example","subject":"x","text":"y"}"""));
        await AssertClaimLostAsync(async () => await silent.FinishAsync(item.Claim, "{}"));
        Assert.Equal(before, (await mesh.LogOfAsync(order)).Requests.Count);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
        Assert.Equal(task.Seq, (await mesh.TaskAsync(id, TwoTenantMesh.Second)).Seq);
    }

    [Fact]
    public async Task An_agent_that_slept_past_its_claim_finds_its_task_finished_by_another_and_does_nothing()
    {
        var order = await mesh.OfferOrderAsync();
        var since = (await mesh.WholeLogAsync()).Requests.Count;
        await mesh.Shop.TellAsync("/_slow", new { path = "/v1/orders", beforeMs = 1_000 });
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        await mesh.ShopHoldsAsync("GET", "/v1/orders", since);
        var agent = await mesh.AgentPidAsync();

        // Asleep while its call is under way. Another takes the task over and finishes it.
        DevMesh.Signal(agent, Stop);
        var story = await TakeOverAsync(id, order);
        DevMesh.Signal(agent, Continue);

        // It was awake for as long as another task takes; of this one it did nothing.
        var later = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync());
        Assert.Equal(TaskState.Completed, (await mesh.RestAsync(later)).State);
        var log = await mesh.LogOfAsync(order);
        Assert.Equal((1, 1, 0), (log.Asked("GET", "/v1/orders"), log.Asked("POST", "/v1/refunds"), log.Mails.Count));
        Assert.Equal(story, (await mesh.EventsAsync(id)).Count);
    }

    [Fact]
    [Trait("Category", "Nightly")]
    public async Task An_orchestrator_that_slept_past_the_claims_of_its_agents_sends_nothing_twice()
    {
        var order = await mesh.OfferOrderAsync();
        await mesh.Shop.TellAsync("/_slow", new { path = "/v1/refunds", afterMs = 500 });
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        await mesh.ShopRefundedAsync(order);
        var orchestrator = mesh.PidOf("orchestrator");

        DevMesh.Signal(orchestrator, Stop);
        await using var store = Npgsql.NpgsqlDataSource.Create(mesh.Node.StoreConnection());
        await Eventually.Async(
            async () =>
            {
                await using var command = store.CreateCommand("select claim_until < clock_timestamp() from orchestrator.task where id = $1");
                command.Parameters.AddWithValue(Guid.Parse(id));
                return await command.ExecuteScalarAsync() is true;
            },
            TimeSpan.FromSeconds(60));
        DevMesh.Signal(orchestrator, Continue);
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        var log = await mesh.LogOfAsync(order);
        Assert.Equal((1, 1), (log.Asked("POST", "/v1/refunds"), log.Asked("POST", "/v1/mails")));
    }

    private static async Task AssertClaimLostAsync(Func<Task> attempt)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(attempt);
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("CLAIM_LOST", refused.Trailers.Get("grpc-status-details-bin")?.ValueBytes is { } details ? System.Text.Encoding.UTF8.GetString(details) : "", StringComparison.Ordinal);
    }

    // Works as the sample agent does, without the mail; answers how many facts the journal then has.
    private async Task<int> TakeOverAsync(string id, string order)
    {
        using var second = new SecondRunner(mesh, RefundMesh.Acme, (await mesh.TaskAsync(id)).WorkflowVersion);
        var item = await second.TakeAsync(id, ClaimAndAPoll);

        // What was under way when the first one fell asleep is recorded, and is not done again.
        var read = await second.CallAsync(item.Claim, "crm.get_order#0", 0, "crm.get_order", JsonSerializer.Serialize(new { order }));
        Assert.Equal(CallToolResponse.Types.Outcome.Result, read.Outcome);
        var refunded = await second.CallAsync(
            item.Claim, "payments.refund#0", 1, "payments.refund", JsonSerializer.Serialize(new { amount_minor = 100, currency = "EUR", order }));
        Assert.Equal(CallToolResponse.Types.Outcome.Result, refunded.Outcome);
        await second.FinishAsync(item.Claim, """{"by":"second"}""");

        return (await mesh.EventsAsync(id)).Count;
    }
}
