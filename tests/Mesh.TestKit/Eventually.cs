using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Mesh.TestKit;

/// <summary>Waits for a condition with a deadline, so that tests never sleep.</summary>
public static class Eventually
{
    private static readonly TimeSpan DeadlineDefault = TimeSpan.FromSeconds(20);

    /// <summary>Returns as soon as the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static Task Async(Func<Task<bool>> condition, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        ValueAsync(async () => await condition() ? "" : null, deadline, what);

    /// <summary>Returns as soon as the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static Task Async(Func<bool> condition, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        Async(() => Task.FromResult(condition()), deadline, what);

    /// <summary>Returns the first value that is not null.</summary>
    public static async Task<T> ValueAsync<T>(Func<Task<T?>> probe, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(probe))] string what = "")
        where T : class
    {
        var waited = Stopwatch.StartNew();
        for (var pause = 5; ; pause = Math.Min(pause * 2, 100))
        {
            if (await probe() is { } value)
            {
                return value;
            }

            if (waited.Elapsed > (deadline ?? DeadlineDefault))
            {
                throw new TimeoutException($"After {waited.Elapsed.TotalSeconds:0.0} s still not: {what}");
            }

            await Task.Delay(pause);
        }
    }
}
