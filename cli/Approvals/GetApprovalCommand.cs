using System.CommandLine;

namespace Mesh.Cli.Approvals;

/// <summary><c>mesh approval get</c>: exactly what would be done.</summary>
internal static class GetApprovalCommand
{
    public static Command Create()
    {
        var id = ApprovalArgument.Create();
        var command = new Command("get", "Show exactly what an approval is about.") { id };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Policy.V1.ApprovalService.ApprovalServiceClient(session.Mesh).GetApprovalAsync(
                new Policy.V1.GetApprovalRequest { Tenant = await session.TenantAsync(stop), ApprovalId = session.Parse.GetRequiredValue(id) },
                cancellationToken: stop);
            session.Printer.Print(answer.Approval, approval => approval.Id, ApprovalView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh approval get 9f8e7d6c");
    }
}
