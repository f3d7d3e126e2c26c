namespace Mesh.Postgres;

/// <summary>An entry that waits to be durable, and the caller's answer.</summary>
internal sealed class GroupCommitEntry<TEntry, TResult>(TEntry entry)
{
    private readonly TaskCompletionSource<TResult> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TEntry Entry { get; } = entry;

    public Task<TResult> Answer => answer.Task;

    public async Task<TResult> AnswerAsync(CancellationToken stop)
    {
        await using var withdrawal = stop.UnsafeRegister((_, token) => answer.TrySetCanceled(token), null);

        return await answer.Task;
    }

    public void Settle(TResult result) => answer.TrySetResult(result);

    public void Fail(Exception error) => answer.TrySetException(error);
}
