using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task get</c>: one task, with its input and result.</summary>
internal static class GetTaskCommand
{
    public static Command Create()
    {
        var id = TaskArgument.Create();
        var command = new Command("get", "Show a task with its input and result.") { id };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh).GetTaskAsync(
                new Orchestrator.V1.GetTaskRequest { Tenant = await session.TenantAsync(stop), TaskId = session.Parse.GetRequiredValue(id) },
                cancellationToken: stop);
            session.Printer.Print(answer.Task, task => task.Id, TaskView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh task get 5a1b2c3d -o json");
    }
}
