using System.CommandLine;

namespace Mesh.Cli.Approvals;

/// <summary><c>mesh approval list</c>: what waits for a person, the oldest first.</summary>
internal static class ListApprovalsCommand
{
    private const int PageMax = 200;

    public static Command Create()
    {
        var all = new Option<bool>("--all") { Description = "Also those that were decided or have expired." };
        var command = new Command("list", "List the actions that wait for a person, the oldest first.") { all };

        command.Runs(async (session, stop) =>
        {
            var approvals = new Policy.V1.ApprovalService.ApprovalServiceClient(session.Mesh);
            var request = new Policy.V1.ListApprovalsRequest { Tenant = await session.TenantAsync(stop), PageSize = PageMax };
            if (session.Parse.GetValue(all))
            {
                request.States.Add(Enum.GetValues<Policy.V1.ApprovalState>().Where(state => state != Policy.V1.ApprovalState.Unspecified));
            }

            var found = new List<Policy.V1.Approval>();
            do
            {
                var page = await approvals.ListApprovalsAsync(request, cancellationToken: stop);
                found.AddRange(page.Approvals);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);

            session.Printer.PrintList(found, ApprovalView.List);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh approval list");
    }
}
