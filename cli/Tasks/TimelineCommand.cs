using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task timeline</c>: what happened when, drawn.</summary>
internal static class TimelineCommand
{
    public static Command Create()
    {
        var id = TaskArgument.Create();
        var command = new Command("timeline", "Draw what happened when: every decision, lease, call and audit entry of a task.") { id };

        command.Runs(async (session, stop) =>
        {
            var timeline = await new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh).GetTaskTimelineAsync(
                new Orchestrator.V1.GetTaskTimelineRequest { Tenant = await session.TenantAsync(stop), TaskId = session.Parse.GetRequiredValue(id) },
                cancellationToken: stop);
            session.Printer.Print(timeline, one => one.Task.Id, TimelineDrawing.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh task timeline 5a1b2c3d");
    }
}
