using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task start</c>: starts a task, and waits for it where that was asked.</summary>
internal static class StartCommand
{
    public static Command Create()
    {
        var workflow = new Argument<string>("WORKFLOW") { Description = "The workflow's name." };
        var input = new Option<string>("--input") { Description = $"The task's input: {JsonInput.Forms}.", DefaultValueFactory = _ => "{}" };
        var requestId = new Option<string?>("--request-id")
        {
            Description = "Makes a repeat safe: the same id answers the task that it started before.",
        };
        var wait = new Option<bool>("--wait") { Description = "Return when the task has ended; the exit code says how." };
        var timeout = LengthOfTime.Option("--timeout", "With --wait: give up after this long (exit code 124). The task goes on.");
        var command = new Command("start", "Start a task of a workflow.") { workflow, input, requestId, wait, timeout };

        command.Runs(async (session, stop) =>
        {
            var tasks = new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh);
            var tenant = await session.TenantAsync(stop);
            var started = await tasks.StartTaskAsync(
                new Orchestrator.V1.StartTaskRequest
                {
                    Tenant = tenant,
                    Workflow = session.Parse.GetRequiredValue(workflow),
                    Input = JsonInput.Read(session.Parse.GetRequiredValue(input), "--input"),
                    RequestId = session.Parse.GetValue(requestId) ?? "",
                },
                cancellationToken: stop);

            if (!session.Parse.GetValue(wait))
            {
                Print(session, started.Task);
                return ExitCodes.Done;
            }

            var (task, isDone) = await Waiting.WaitAsync(tasks, tenant, started.Task.Id, false, session.Parse.GetValue(timeout), stop);
            Print(session, task);
            return TaskView.ExitCodeOf(task, isDone);
        });
        return command.WithExample("""
            mesh task start refund-request --input '{"order_id": "1001"}' --wait
            mesh task start refund-request --input @order.json --request-id order-1001
            """);
    }

    private static void Print(Session session, Orchestrator.V1.AgentTask task) =>
        session.Printer.Print(task, one => one.Id, TaskView.Write);
}
