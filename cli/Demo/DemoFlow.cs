using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Cli.Approvals;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;
using Mesh.Cli.Tasks;

namespace Mesh.Cli.Demo;

/// <summary>Four runs of the refund sample, each shown as a timeline and checked in the shop's own book.</summary>
internal sealed class DemoFlow(DemoNode node, DemoShop shop, SignedWebhook webhook, CallInvoker ops, CallInvoker fiona, TextWriter to)
{
    private const string Workflow = "refund-request";

    private static readonly TimeSpan RunWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MailTakes = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    private readonly Orchestrator.V1.TaskService.TaskServiceClient tasks = new(ops);
    private readonly Policy.V1.ApprovalService.ApprovalServiceClient approvals = new(fiona);

    public async Task RunAsync(CancellationToken stop)
    {
        await SmallRefundAsync(stop);
        await LargeRefundAsync(stop);
        await ForbiddenRefundAsync(stop);
        await KilledAgentAsync(stop);
        Expect((await shop.ReadAsync(stop)).Unauthorized(), 0, "requests without the right credential");
    }

    private async Task SmallRefundAsync(CancellationToken stop)
    {
        Say("1. A small refund: the shop's signed webhook starts it, policy permits it.");
        var delivery = Guid.NewGuid().ToString();
        var body = new JsonObject { ["type"] = "refund.requested", ["data"] = new JsonObject { ["order"] = new JsonObject { ["id"] = "1001" } } }.ToJsonString();
        using var answer = await webhook.SendAsync(delivery, body, stop);
        Expect(answer.IsSuccessStatusCode, true, $"the webhook is accepted (it answered {(int)answer.StatusCode})");
        using var again = await webhook.SendAsync(delivery, body, stop);
        Expect(again.IsSuccessStatusCode, true, "the same delivery once more is answered as accepted");

        var started = await tasks.ListTasksAsync(
            new Orchestrator.V1.ListTasksRequest { Tenant = DemoSetup.Tenant, Workflow = Workflow }, cancellationToken: stop);
        Expect(started.Tasks.Count, 1, "tasks that the two deliveries started");
        await EndAsync(started.Tasks[0].Id, Orchestrator.V1.TaskState.Completed, stop);
        await ExpectBookAsync("1001", refunds: 1, mails: 1, stop);
    }

    private async Task LargeRefundAsync(CancellationToken stop)
    {
        Say("2. A large refund: it waits, holding no process, until another person approves exactly this call.");
        var task = await StartAsync("1002", stop);
        var (waits, _) = await Waiting.WaitAsync(tasks, DemoSetup.Tenant, task, untilPerson: true, RunWithin, stop);
        Expect(waits.State, Orchestrator.V1.TaskState.WaitingApproval, "the state of the task");
        await ExpectBookAsync("1002", refunds: 0, mails: 0, stop);

        var pending = await approvals.ListApprovalsAsync(new Policy.V1.ListApprovalsRequest { Tenant = DemoSetup.Tenant }, cancellationToken: stop);
        Expect(pending.Approvals.Count, 1, "approvals that wait");
        ApprovalView.Write(to, pending.Approvals[0]);
        await approvals.ApproveApprovalAsync(
            new Policy.V1.ApproveApprovalRequest
            {
                Tenant = DemoSetup.Tenant,
                ApprovalId = pending.Approvals[0].Id,
                Etag = pending.Approvals[0].Etag,
                RequestId = Guid.NewGuid().ToString(),
                Comment = "demo",
            },
            cancellationToken: stop);
        to.WriteLine("fiona approves");
        to.WriteLine();

        await EndAsync(task, Orchestrator.V1.TaskState.Completed, stop);
        await ExpectBookAsync("1002", refunds: 1, mails: 1, stop);
    }

    private async Task ForbiddenRefundAsync(CancellationToken stop)
    {
        Say("3. A forbidden refund: policy refuses it, and nothing leaves the machine.");
        var task = await StartAsync("1003", stop);
        await EndAsync(task, Orchestrator.V1.TaskState.Denied, stop);
        await ExpectBookAsync("1003", refunds: 0, mails: 0, stop);
    }

    private async Task KilledAgentAsync(CancellationToken stop)
    {
        Say("4. A crash: the agent is killed with -9 while its mail is on its way; another process goes on from the last step.");
        await shop.BeSlowWithMailAsync(MailTakes, stop);
        var task = await StartAsync("1004", stop);
        await UntilAsync(async () => (await shop.ReadAsync(stop)).MailsOnTheWay() == 1, "the mail is on its way", stop);

        var agent = node.Read().Agents.GetValueOrDefault($"{DemoSetup.Tenant}/{Workflow}");
        Expect(agent > 0 && Signals.Send(agent, Signals.Kill), true, "the agent's process is known and was killed");
        to.WriteLine($"kill -9 {agent}");
        to.WriteLine();

        var ended = await EndAsync(task, Orchestrator.V1.TaskState.Completed, stop);
        Expect(ended.Attempt >= 2, true, $"the task was taken up again (attempt {ended.Attempt})");
        Expect(node.Read().Agents.GetValueOrDefault($"{DemoSetup.Tenant}/{Workflow}") != agent, true, "another process did that");
        await ExpectBookAsync("1004", refunds: 1, mails: 1, stop);
    }

    private async Task<string> StartAsync(string order, CancellationToken stop)
    {
        var started = await tasks.StartTaskAsync(
            new Orchestrator.V1.StartTaskRequest
            {
                Tenant = DemoSetup.Tenant,
                Workflow = Workflow,
                Input = Value.ForStruct(new Struct { Fields = { ["order_id"] = Value.ForString(order) } }),
                RequestId = $"demo-{order}",
            },
            cancellationToken: stop);
        return started.Task.Id;
    }

    private async Task<Orchestrator.V1.AgentTask> EndAsync(string task, Orchestrator.V1.TaskState state, CancellationToken stop)
    {
        var (ended, isDone) = await Waiting.WaitAsync(tasks, DemoSetup.Tenant, task, untilPerson: false, RunWithin, stop);
        var timeline = await tasks.GetTaskTimelineAsync(
            new Orchestrator.V1.GetTaskTimelineRequest { Tenant = DemoSetup.Tenant, TaskId = task }, cancellationToken: stop);
        TimelineDrawing.Write(to, timeline);
        if (!isDone || ended.State != state)
        {
            throw Deviation($"The task should be {TaskView.NameOf(state)} and is {TaskView.NameOf(ended.State)}: {ended.Reason} {ended.Message}");
        }

        return ended;
    }

    private async Task ExpectBookAsync(string order, int refunds, int mails, CancellationToken stop)
    {
        var book = await shop.ReadAsync(stop);
        Expect(book.RefundsOf(order), refunds, $"refunds of order {order} in the shop's book");
        Expect(book.MailsAbout(order), mails, $"mails about order {order} in the shop's book");
        to.WriteLine($"the shop's book, order {order}: {refunds} refund{(refunds == 1 ? "" : "s")}, {mails} mail{(mails == 1 ? "" : "s")}");
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo, string what, CancellationToken stop)
    {
        var end = TimeProvider.System.GetUtcNow() + RunWithin;
        while (!await isSo())
        {
            if (TimeProvider.System.GetUtcNow() > end)
            {
                throw Deviation($"It never happened that {what}.");
            }

            await Task.Delay(Pause, stop);
        }
    }

    private static void Expect<T>(T found, T wanted, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(found, wanted))
        {
            throw Deviation($"{what}: {wanted} was expected, {found} was found.");
        }
    }

    private static ProblemException Deviation(string what) => new(Problem.Here("DEMO_FAILED", what, ExitCodes.Error));

    private void Say(string line)
    {
        to.WriteLine();
        to.WriteLine(line);
        to.WriteLine();
    }
}
