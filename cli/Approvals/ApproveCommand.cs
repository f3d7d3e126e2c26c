using System.CommandLine;

namespace Mesh.Cli.Approvals;

/// <summary><c>mesh approval approve</c>: lets exactly this action happen, once.</summary>
internal static class ApproveCommand
{
    public static Command Create()
    {
        var id = ApprovalArgument.Create();
        var comment = new Option<string>("--comment") { Description = "Recorded with the decision.", DefaultValueFactory = _ => "" };
        var etag = new Option<string>("--etag") { Description = "Decide only if it is still as it was when you read this etag.", DefaultValueFactory = _ => "" };
        var command = new Command("approve", "Approve exactly the action that an approval shows. It counts once.") { id, comment, etag };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.ApprovalService.ApprovalServiceClient(session.Mesh).ApproveApprovalAsync(
                new Policy.V1.ApproveApprovalRequest
                {
                    Tenant = await session.TenantAsync(stop),
                    ApprovalId = session.Parse.GetRequiredValue(id),
                    Comment = session.Parse.GetValue(comment) ?? "",
                    Etag = session.Parse.GetValue(etag) ?? "",
                    RequestId = Guid.NewGuid().ToString(),
                },
                cancellationToken: stop);
            session.Printer.Print(answer.Approval, approval => approval.Id, ApprovalView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh approval get 9f8e7d6c && mesh approval approve 9f8e7d6c --comment 'spoke with the customer'");
    }
}
