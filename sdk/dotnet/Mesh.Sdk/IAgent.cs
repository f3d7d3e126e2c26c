namespace Mesh;

/// <summary>Runs the tasks of one workflow. A new instance, in a scope of its own, is made for every run of a task.</summary>
/// <remarks>
/// After a crash, a wait or a retry the handler runs again from the top. What was done in <see cref="AgentContext.StepAsync{T}"/>
/// and <see cref="AgentContext.CallToolAsync{T}"/> is recorded and not done again: it answers what it answered before. Everything
/// else runs again, so effects belong into steps and calls, and the order of steps must not depend on the clock or on chance.
/// </remarks>
/// <typeparam name="TIn">The task's input. Members are snake_case in JSON: <c>order_id</c> is <c>OrderId</c>.</typeparam>
/// <typeparam name="TOut">The task's result, at most 256 KiB as JSON.</typeparam>
public interface IAgent<in TIn, TOut>
{
    /// <summary>Runs the task to its end, or to the first call that has to wait.</summary>
    /// <param name="input">What the task was started with.</param>
    /// <param name="ctx">The task, and what can be asked for in its name.</param>
    /// <param name="stop">Cancelled when this run of the task is over, whatever the reason.</param>
    /// <returns>The task's result.</returns>
    public Task<TOut> RunAsync(TIn input, AgentContext ctx, CancellationToken stop);
}
