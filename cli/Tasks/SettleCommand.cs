using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli.Tasks;

/// <summary><c>mesh task settle</c>: a person says how a call ended whose outcome nobody could know.</summary>
internal static class SettleCommand
{
    public static Command Create()
    {
        var id = TaskArgument.Create();
        var step = new Argument<string>("STEP") { Description = "The call, as `waits on` of the task names it." };
        var outcome = new Option<string>("--outcome")
        {
            Description = "performed: the target did it. not-performed: it did not, and the call is sent again. failed: it counts as failed.",
            Required = true,
        };
        outcome.AcceptOnlyFromAmong("performed", "not-performed", "failed");
        var result = new Option<string?>("--result") { Description = $"With performed: what the agent gets as the answer: {JsonInput.Forms}." };
        var reason = new Option<string>("--reason") { Description = "How you know; it is recorded.", Required = true };
        var command = new Command("settle", "Say how a call ended whose outcome is unknown, after looking at the target system.")
        {
            id,
            step,
            outcome,
            result,
            reason,
        };

        command.Runs(async (session, stop) =>
        {
            var request = new Orchestrator.V1.SettleCallRequest
            {
                TaskId = session.Parse.GetRequiredValue(id),
                Step = session.Parse.GetRequiredValue(step),
                Outcome = session.Parse.GetRequiredValue(outcome) switch
                {
                    "performed" => Orchestrator.V1.SettleCallRequest.Types.Outcome.Performed,
                    "not-performed" => Orchestrator.V1.SettleCallRequest.Types.Outcome.NotPerformed,
                    _ => Orchestrator.V1.SettleCallRequest.Types.Outcome.Failed,
                },
                Reason = session.Parse.GetRequiredValue(reason),
            };
            if (session.Parse.GetValue(result) is { } said)
            {
                request.Result = request.Outcome == Orchestrator.V1.SettleCallRequest.Types.Outcome.Performed
                    ? JsonInput.Read(said, "--result")
                    : throw new ProblemException(Problem.Usage("--result is for --outcome performed only."));
            }

            request.Tenant = await session.TenantAsync(stop);
            var answer = await new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh).SettleCallAsync(request, cancellationToken: stop);
            session.Printer.Print(answer.Task, task => task.Id, TaskView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh task settle 5a1b2c3d refund --outcome performed --result '{\"id\": \"re_7\"}' --reason 'seen in the payment console'");
    }
}
