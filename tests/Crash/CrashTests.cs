using System.Net;
using EndToEnd.Tests.Custody;
using EndToEnd.Tests.Fixture;
using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.V1;
using Mesh.Policy.V1;
using Mesh.TestKit;

namespace Crash.Tests;

/// <summary>kill -9 at every crash point, and what must hold afterwards: G1, G2, G3, G4, G7, G8, G12, G13 and G14.</summary>
public abstract class CrashTests(CrashMesh mesh)
{
    // Of every day: where most is at stake. The others take their time, and a night has it.
    private static readonly int[] Daily = [2, 8, 10, 14, 16, 17, 21, 24, 31];

    public static IEnumerable<TheoryDataRow<int, string>> Everywhere => Rows(point => !point.IsQueued);

    [Theory]
    [MemberData(nameof(Everywhere))]
    public Task A_service_that_dies_at_this_moment_loses_nothing_and_does_nothing_twice(int number, string moment) => DieAtAsync(number, moment);

    [Fact]
    [Trait("Category", "Nightly")]
    public async Task No_file_of_a_mesh_whose_services_were_killed_has_a_credential_in_it()
    {
        await mesh.QuietAsync();
        var order = await mesh.OfferOrderAsync();
        var id = await mesh.ActAtAsync(StepMoment.ToolPerformed, order, () => Task.WhenAll(mesh.KillAsync("vault"), mesh.KillAsync("orchestrator")));
        Assert.Equal(TaskState.Completed, (await mesh.RestAsync(id)).State);
        var remains = new Remains(mesh.Node, mesh.Store);

        // The search finds what is there.
        Assert.NotEmpty(await Remains.FindAsync(new Canary(order), remains.FilesAsync()));

        foreach (var secret in (string[])[RefundShop.CrmToken, RefundShop.PaymentsToken, RefundShop.MailToken])
        {
            Assert.Empty(await Remains.FindAsync(new Canary(secret), remains.FilesAsync()));
        }
    }

    private protected static IEnumerable<TheoryDataRow<int, string>> Rows(Func<CrashPoint, bool> which) => CrashPoints.All.Where(which).Select(point =>
    {
        var row = new TheoryDataRow<int, string>(point.Number, $"{point.Side} {point.Effect}");
        return Daily.Contains(point.Number) ? row : row.WithTrait("Category", "Nightly");
    });

    private protected async Task DieAtAsync(int number, string moment)
    {
        var point = CrashPoints.All.Single(one => one.Number == number);
        var outcome = new Outcome(mesh.Bus, point);
        CrashReport.Add(outcome);
        Assert.Equal(moment, $"{point.Side} {point.Effect}");
        await mesh.QuietAsync();
        var order = await mesh.OfferOrderAsync(point.IsAtApproval ? 6_000 : 100);
        Func<Task<string>> act = point switch
        {
            { IsAtApproval: true } => await WaitForPersonAsync(order),
            { IsQueued: true } => () => DeliverToBrokerAsync(order),
            _ => () => mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order),
        };

        var (delivery, deadAt) = await point.StrikeAsync(mesh, order, act);
        outcome.IsReached = true;
        var id = await delivery;
        AgentTask rested = null!;
        await Eventually.Async(async () => (rested = await mesh.RestAsync(id)).State != TaskState.WaitingApproval, TimeSpan.FromSeconds(90));
        outcome.Recovered = DateTime.UtcNow - deadAt;
        outcome.Became = await ClearUpAsync(point, id, order, rested);
        await mesh.AssertEveryFactIsLoggedOnceAsync(id);
        outcome.Logged = DateTime.UtcNow - deadAt;
        await Guarantees.AssertAsync(mesh, id, order);

        outcome.IsGood = true;
    }

    // Answers how the person approves.
    private async Task<Func<Task<string>>> WaitForPersonAsync(string order)
    {
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        Assert.Equal(TaskState.WaitingApproval, (await mesh.RestAsync(id)).State);
        var person = await mesh.PersonAsync($"fiona-{order}", RefundMesh.Acme, ["approver"], "finance");
        await mesh.QuietAsync();

        return async () =>
        {
            using (person)
            {
                var waiting = await MeshApi.InsistAsync(deadline => person.Approvals.ListApprovalsAsync(new ListApprovalsRequest { Tenant = RefundMesh.Acme }, deadline: deadline));
                var approve = new ApproveApprovalRequest { Tenant = RefundMesh.Acme, ApprovalId = Assert.Single(waiting.Approvals).Id, RequestId = "yes" };
                await MeshApi.InsistAsync(deadline => person.Approvals.ApproveApprovalAsync(approve, deadline: deadline));
            }

            return id;
        };
    }

    // While the orchestrator stands still, the broker takes the delivery; what is in the orchestrator's socket dies with it. Its sender
    // was told that it is accepted, and sends it again only when it has a task: that makes none.
    private async Task<string> DeliverToBrokerAsync(string order)
    {
        var id = $"msg_{Guid.NewGuid():N}";
        await mesh.StopAsync("orchestrator");

        using (var answer = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, WebhookSender.BodyOf(order)))
        {
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode == HttpStatusCode.Accepted && text.Contains("\"queued\":true", StringComparison.Ordinal), $"{answer.StatusCode}: {text}");
        }

        Assert.Empty(await mesh.TasksOfAsync(order));
        await mesh.KillAsync("orchestrator");
        var task = await Eventually.ValueAsync(async () => await mesh.TasksOfAsync(order) is [var started, ..] ? started : null, TimeSpan.FromSeconds(90));
        Assert.Equal(task, await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order, id));

        return task;
    }

    // G1: it ends, or is parked with a reason, and then a person looks into the shop's book.
    private async Task<string> ClearUpAsync(CrashPoint point, string id, string order, AgentTask task)
    {
        var became = "completed";

        // What dies with its claims makes nobody wait until they run out.
        Assert.DoesNotContain(await mesh.EventsAsync(id), entry => entry.Kind == "TaskClaimEnded" && entry.Fields.Fields["cause"].StringValue == "Expired");
        Assert.True(task.State == (point.NeedsPerson ? TaskState.UnknownOutcome : TaskState.Completed), await mesh.StoryAsync(id));

        if (point.NeedsPerson)
        {
            Assert.Contains("mesh task settle", task.Message, StringComparison.Ordinal);
            var isPerformed = (await mesh.LogOfAsync(order)).Refunds.Count == 1;
            await SettleAsync(id, isPerformed ? SettleCallRequest.Types.Outcome.Performed : SettleCallRequest.Types.Outcome.NotPerformed);
            Assert.True((await mesh.RestAsync(id)).State == TaskState.Completed, await mesh.StoryAsync(id));
            became = $"parked: outcome unknown; settled as {(isPerformed ? "performed" : "not performed")}, completed";
        }

        return became;
    }

    private async Task SettleAsync(string id, SettleCallRequest.Types.Outcome outcome)
    {
        var request = new SettleCallRequest
        {
            Tenant = RefundMesh.Acme,
            TaskId = id,
            Step = "payments.refund#0",
            Outcome = outcome,
            Result = Value.ForStruct(new() { Fields = { ["id"] = Value.ForString("looked-up") } }),
            Reason = "The shop's book was looked at.",
        };
        await MeshApi.InsistAsync(deadline => mesh.Api.Tasks.SettleCallAsync(request, deadline: deadline));
    }
}

/// <summary>On PostgreSQL alone.</summary>
public sealed class PostgresCrashTests(PostgresCrashMesh mesh) : CrashTests(mesh), IClassFixture<PostgresCrashMesh>;

/// <summary>On RabbitMQ.</summary>
public sealed class RabbitCrashTests(RabbitCrashMesh mesh) : CrashTests(mesh), IClassFixture<RabbitCrashMesh>
{
    public static IEnumerable<TheoryDataRow<int, string>> Queued => Rows(point => point.IsQueued);

    [Theory]
    [MemberData(nameof(Queued))]
    public Task A_delivery_that_the_broker_alone_accepted_becomes_one_task_though_its_consumer_dies_at_this_moment(int number, string moment) =>
        DieAtAsync(number, moment);
}
