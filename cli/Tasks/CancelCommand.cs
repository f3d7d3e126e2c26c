using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task cancel</c>: asks for the end of a task.</summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var id = TaskArgument.Create();
        var reason = new Option<string>("--reason") { Description = "Why; it is recorded.", DefaultValueFactory = _ => "" };
        var command = new Command("cancel", "Ask for the end of a task. What was sent out already is still recorded.") { id, reason };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh).CancelTaskAsync(
                new Orchestrator.V1.CancelTaskRequest
                {
                    Tenant = await session.TenantAsync(stop),
                    TaskId = session.Parse.GetRequiredValue(id),
                    Reason = session.Parse.GetValue(reason) ?? "",
                },
                cancellationToken: stop);
            session.Printer.Print(answer.Task, task => task.Id, TaskView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh task cancel 5a1b2c3d --reason 'ordered twice'");
    }
}
