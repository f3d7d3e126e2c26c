using System.CommandLine;

namespace Mesh.Cli.Tasks;

/// <summary>The task that a verb is about.</summary>
internal static class TaskArgument
{
    public static Argument<string> Create() => new("TASK") { Description = "Its id, or the last 8 digits of it." };
}
