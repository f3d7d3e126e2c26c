using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task wait</c>: returns when a task has ended, with an exit code that says how.</summary>
internal static class WaitCommand
{
    public static Command Create()
    {
        var id = TaskArgument.Create();
        var timeout = LengthOfTime.Option("--timeout", "Give up after this long (exit code 124).");
        var untilApproval = new Option<bool>("--until-approval")
        {
            Description = "Return also when the task waits for a person (exit code 7).",
        };
        var command = new Command("wait", "Wait until a task has ended: 0 completed, 3 failed, denied or cancelled.") { id, timeout, untilApproval };

        command.Runs(async (session, stop) =>
        {
            var (task, isDone) = await Waiting.WaitAsync(
                new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh),
                await session.TenantAsync(stop),
                session.Parse.GetRequiredValue(id),
                session.Parse.GetValue(untilApproval),
                session.Parse.GetValue(timeout),
                stop);
            session.Printer.Print(task, one => one.Id, TaskView.Write);
            return TaskView.ExitCodeOf(task, isDone);
        });
        return command.WithExample("mesh task wait 5a1b2c3d --timeout 5m && echo refunded");
    }
}
