using Mesh.Running;
using Microsoft.Extensions.Logging;

namespace Mesh;

/// <summary>A task, as its handler sees it, and what can be asked for in its name.</summary>
/// <remarks>
/// Steps and calls are numbered in the order in which they are called. Start those that run side by side in branches of their
/// own (<see cref="Branch"/>): order is compared inside a branch, never across.
/// </remarks>
public sealed class AgentContext
{
    private readonly TaskRun run;
    private readonly BranchLedger branch;

    internal AgentContext(TaskRun run, BranchLedger branch, ILogger log)
    {
        this.run = run;
        this.branch = branch;
        Logger = new FirstTimeLogger(log, branch);
    }

    /// <summary>The task's id, a UUID.</summary>
    public string TaskId => run.Item.TaskId;

    /// <summary>1 in the first run, then one more for every time that the task was handed out.</summary>
    public int Attempt => run.Item.Attempt;

    /// <summary>The tenant that the task belongs to.</summary>
    public string Tenant => run.Item.Tenant;

    /// <summary>The workflow that the task is of.</summary>
    public string Workflow => run.Item.Workflow;

    /// <summary>The version of the workflow that the task keeps to its end.</summary>
    public string WorkflowVersion => run.Item.WorkflowVersion;

    /// <summary>Logs what this branch does for the first time: silent while recorded steps are passed again.</summary>
    public ILogger Logger { get; }

    /// <summary>A chain of steps and calls that runs beside the others. The same name gives the same branch.</summary>
    /// <param name="name">At most 64 of <c>a-z A-Z 0-9 _ . : -</c>. A branch of a branch is named <c>outer:inner</c>.</param>
    public AgentContext Branch(string name)
    {
        StepNames.Require(name, nameof(name), StepNames.BranchCharsMax);
        var inner = branch.Name.Length == 0 ? name : $"{branch.Name}:{name}";

        return new AgentContext(run, run.Steps.Branch(inner), ((FirstTimeLogger)Logger).Inner);
    }

    /// <summary>Does something once in the life of the task. Later runs answer the recorded value and do not do it again.</summary>
    /// <param name="name">Stable over versions of the handler; may be used again. Of <c>a-z A-Z 0-9 _ . : -</c>.</param>
    /// <param name="work">What to do. A crash before its value is recorded repeats it. It must not use the context.</param>
    /// <typeparam name="T">The value, at most 256 KiB as JSON.</typeparam>
    /// <returns>The recorded value, read back from JSON also in the first run.</returns>
    public Task<T> StepAsync<T>(string name, Func<CancellationToken, Task<T>> work) => run.StepAsync(branch, name, work);

    /// <summary>Does something without a value once in the life of the task.</summary>
    /// <param name="name">Stable over versions of the handler; may be used again. Of <c>a-z A-Z 0-9 _ . : -</c>.</param>
    /// <param name="work">What to do. A crash before it is recorded repeats it. It must not use the context.</param>
    public Task StepAsync(string name, Func<CancellationToken, Task> work) => run.StepAsync<object?>(branch, name, async stop =>
    {
        await work(stop);
        return null;
    });

    /// <summary>Calls a tool once in the life of the task. Later runs answer the recorded result; the tool does not run again.</summary>
    /// <remarks>When a person has to decide first, this run of the task ends here, and the next one goes on from the decision.</remarks>
    /// <param name="tool">The dotted name, one of the workflow's tools.</param>
    /// <param name="arguments">What the tool's input schema asks for, at most 256 KiB as JSON; null means none.</param>
    /// <param name="step">A name for the step, when the tool's own is not stable enough.</param>
    /// <typeparam name="T">What to read the result as.</typeparam>
    /// <exception cref="ToolDeniedException">Policy or a person refused.</exception>
    /// <exception cref="ToolFailedException">The target answered with an error, or could not be reached.</exception>
    /// <exception cref="CallRefusedException">The arguments do not match the schema, or the workflow does not list the tool.</exception>
    /// <exception cref="PayloadRefusedException">A number would change on the way, or the result is not a <typeparamref name="T"/>.</exception>
    public Task<T> CallToolAsync<T>(string tool, object? arguments, string? step = null) =>
        run.CallToolAsync<T>(branch, tool, arguments, step);
}
