using System.CommandLine;
using Grpc.Core;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task events</c>: the journal of a task, and what is added to it.</summary>
internal static class EventsCommand
{
    private const int PageMax = 1_000;

    public static Command Create()
    {
        var id = TaskArgument.Create();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the task ends. With -o json, one object per line." };
        var command = new Command("events", "Show a task's journal, oldest first.") { id, follow };

        command.Runs(async (session, stop) =>
        {
            var tasks = new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh);
            var tenant = await session.TenantAsync(stop);
            var task = session.Parse.GetRequiredValue(id);
            return session.Parse.GetValue(follow)
                ? await FollowAsync(session, tasks, tenant, task, stop)
                : await ListAsync(session, tasks, tenant, task, stop);
        });
        return command.WithExample("mesh task events 5a1b2c3d --follow");
    }

    private static async Task<int> ListAsync(
        Session session, Orchestrator.V1.TaskService.TaskServiceClient tasks, string tenant, string task, CancellationToken stop)
    {
        var events = new List<Orchestrator.V1.TaskEvent>();
        var after = 0L;
        do
        {
            var page = await tasks.ListTaskEventsAsync(
                new Orchestrator.V1.ListTaskEventsRequest { Tenant = tenant, TaskId = task, AfterSeq = after, PageSize = PageMax },
                cancellationToken: stop);
            events.AddRange(page.Events);
            after = page.NextAfterSeq;
        }
        while (after > 0);

        session.Printer.PrintList(events, TaskView.Events);
        return ExitCodes.Done;
    }

    private static async Task<int> FollowAsync(
        Session session, Orchestrator.V1.TaskService.TaskServiceClient tasks, string tenant, string task, CancellationToken stop)
    {
        using var watch = tasks.WatchTask(new Orchestrator.V1.WatchTaskRequest { Tenant = tenant, TaskId = task }, cancellationToken: stop);
        await foreach (var answer in watch.ResponseStream.ReadAllAsync(stop))
        {
            session.Printer.PrintLine(answer.Event, TaskView.Events);
        }

        return ExitCodes.Done;
    }
}
