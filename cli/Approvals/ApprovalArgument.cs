using System.CommandLine;

namespace Mesh.Cli.Approvals;

/// <summary>The approval that a verb is about.</summary>
internal static class ApprovalArgument
{
    public static Argument<string> Create() => new("APPROVAL") { Description = "Its id, or the last 8 digits of it." };
}
