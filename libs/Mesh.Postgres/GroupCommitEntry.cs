namespace Mesh.Postgres;

/// <summary>An entry that waits to be durable, and the caller's answer, which is settled first and told later.</summary>
internal sealed class GroupCommitEntry<TEntry, TResult>(TEntry entry)
{
    private readonly TaskCompletionSource<TResult> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (TResult? Result, Exception? Error)? outcome;

    public TEntry Entry { get; } = entry;

    public Task<TResult> Answer => answer.Task;

    public async Task<TResult> AnswerAsync(CancellationToken stop)
    {
        await using var withdrawal = stop.UnsafeRegister((_, token) => answer.TrySetCanceled(token), null);

        return await answer.Task;
    }

    public void Settle(TResult result) => outcome = (result, null);

    public void Fail(Exception error) => outcome = (default, error);

    /// <summary>Tells the caller what became of it. Telling it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">Nothing is settled: nobody is told that it is durable.</exception>
    public void Tell()
    {
        var (result, error) = outcome!.Value;

        if (error is null)
        {
            answer.TrySetResult(result!);
        }
        else
        {
            answer.TrySetException(error);
        }
    }
}
