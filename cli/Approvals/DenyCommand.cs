using System.CommandLine;

namespace Mesh.Cli.Approvals;

/// <summary><c>mesh approval deny</c>: refuses an action, with a reason that the agent is told.</summary>
internal static class DenyCommand
{
    public static Command Create()
    {
        var id = ApprovalArgument.Create();
        var reason = new Option<string>("--reason") { Description = "Why; the agent is told and it is recorded.", Required = true };
        var etag = new Option<string>("--etag") { Description = "Decide only if it is still as it was when you read this etag.", DefaultValueFactory = _ => "" };
        var command = new Command("deny", "Refuse the action that an approval shows.") { id, reason, etag };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.ApprovalService.ApprovalServiceClient(session.Mesh).DenyApprovalAsync(
                new Policy.V1.DenyApprovalRequest
                {
                    Tenant = await session.TenantAsync(stop),
                    ApprovalId = session.Parse.GetRequiredValue(id),
                    Reason = session.Parse.GetRequiredValue(reason),
                    Etag = session.Parse.GetValue(etag) ?? "",
                    RequestId = Guid.NewGuid().ToString(),
                },
                cancellationToken: stop);
            session.Printer.Print(answer.Approval, approval => approval.Id, ApprovalView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh approval deny 9f8e7d6c --reason 'the order was never paid'");
    }
}
