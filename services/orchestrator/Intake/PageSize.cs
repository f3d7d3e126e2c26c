using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>How much one page brings.</summary>
internal static class PageSize
{
    public static int Read(int asked, int usual, int most) => asked switch
    {
        < 0 => throw Refusals.Invalid("page_size", $"must be 0 to {most}"),
        0 => usual,
        _ => Math.Min(asked, most),
    };
}
