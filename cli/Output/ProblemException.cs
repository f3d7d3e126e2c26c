namespace Mesh.Cli.Output;

/// <summary>Ends a verb with a problem from wherever it was found.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Message)
{
    public Problem Problem { get; } = problem;
}
