using Mesh.Cli.Output;

namespace Mesh.Cli.Approvals;

/// <summary>How approvals are shown: what would be done, to whom, asked by whom, until when.</summary>
internal static class ApprovalView
{
    public static Table<Policy.V1.Approval> List { get; } = new(
        approval => approval.Id,
        new("approval", approval => ShortId.Of(approval.Id)),
        new("state", StateOf),
        new("tool", approval => approval.Tool),
        new("arguments", approval => Told.Cut(approval.Arguments, 60)),
        new("task", approval => ShortId.Of(approval.TaskId)),
        new("groups", approval => string.Join(",", approval.Groups)),
        new("expires", approval => Told.Time(approval.ExpiresAt)));

    public static void Write(TextWriter to, Policy.V1.Approval approval)
    {
        Line("approval", approval.Id);
        Line("state", StateOf(approval));
        Line("tool", $"{approval.Tool}  [{string.Join(", ", approval.Classes)}]  {approval.ToolDescription}");
        Line("target", approval.Target);
        Line("arguments", approval.Arguments);
        Line("task", $"{approval.TaskId}  {approval.Workflow}, step {approval.Step}");
        Line("initiator", approval.Initiator);
        Line("rules", string.Join(", ", approval.Rules));
        Line("groups", $"{string.Join(", ", approval.Groups)}  (quorum {approval.Quorum})");
        Line("asked", Told.Time(approval.CreatedAt));
        Line("expires", Told.Time(approval.ExpiresAt));
        Line("decided", approval.DecidedBy.Length == 0 ? "" : $"{approval.DecidedBy}, {Told.Time(approval.DecidedAt)}");
        Line("reason", approval.Reason);
        Line("digest", approval.ActionDigest);

        void Line(string name, string value)
        {
            if (value.Length > 0)
            {
                to.WriteLine($"{name,-10} {Told.OneLine(value)}");
            }
        }
    }

    private static string StateOf(Policy.V1.Approval approval) => approval.State.ToString().ToLowerInvariant();
}
