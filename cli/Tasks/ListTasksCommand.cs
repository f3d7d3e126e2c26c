using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task list</c>: tasks, the newest first.</summary>
internal static class ListTasksCommand
{
    private const int PageMax = 1_000;

    public static Command Create()
    {
        var workflow = new Option<string?>("--workflow") { Description = "Only tasks of this workflow." };
        var states = new Option<Orchestrator.V1.TaskState[]>("--state")
        {
            Description = "Only tasks in this state, such as completed or waiting_approval; may be repeated.",
            HelpName = "STATE",
            CustomParser = result =>
            {
                var said = new List<Orchestrator.V1.TaskState>();
                foreach (var token in result.Tokens)
                {
                    var found = Enum.GetValues<Orchestrator.V1.TaskState>().Where(state => TaskView.NameOf(state) == token.Value).ToList();
                    if (found is [not Orchestrator.V1.TaskState.Unspecified])
                    {
                        said.Add(found[0]);
                    }
                    else
                    {
                        var names = Enum.GetValues<Orchestrator.V1.TaskState>().Skip(1).Select(TaskView.NameOf);
                        result.AddError($"--state must be one of {string.Join(", ", names)}, not '{token.Value}'.");
                    }
                }

                return [.. said];
            },
        };
        var limit = new Option<int>("--limit") { Description = "At most so many.", DefaultValueFactory = _ => 50 };
        limit.Validators.Add(result =>
        {
            if (result.Tokens is [var said] && int.TryParse(said.Value, out var count) && count < 1)
            {
                result.AddError("--limit must be at least 1.");
            }
        });
        var command = new Command("list", "List tasks, the newest first.") { workflow, states, limit };

        command.Runs(async (session, stop) =>
        {
            var tasks = new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh);
            var wanted = session.Parse.GetValue(limit);
            var request = new Orchestrator.V1.ListTasksRequest
            {
                Tenant = await session.TenantAsync(stop),
                Workflow = session.Parse.GetValue(workflow) ?? "",
                States = { session.Parse.GetValue(states) ?? [] },
            };
            var found = new List<Orchestrator.V1.AgentTask>();
            do
            {
                request.PageSize = Math.Min(wanted - found.Count, PageMax);
                var page = await tasks.ListTasksAsync(request, cancellationToken: stop);
                found.AddRange(page.Tasks);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0 && found.Count < wanted);

            session.Printer.PrintList(found, TaskView.List);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh task list --workflow refund-request --state waiting_approval");
    }
}
