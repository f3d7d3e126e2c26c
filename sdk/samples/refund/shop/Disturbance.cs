using System.Text.Json.Serialization;

namespace Refund.Shop;

/// <summary>Something that the shop was told to do wrong, to the next requests whose path starts with this one.</summary>
internal abstract record Disturbance(string Path, int Times)
{
    /// <summary>Before anything is performed. An answer here means that nothing will be.</summary>
    public abstract Task<IResult?> BeforeAsync(CancellationToken gone, CancellationToken stop);

    /// <summary>Afterwards. An answer here replaces the true one.</summary>
    public abstract Task<IResult?> AfterAsync(CancellationToken gone, CancellationToken stop);
}

/// <summary>Slow, but it works: also when the caller stopped listening, as real systems do.</summary>
internal sealed record Slow(
    string Path,
    [property: JsonPropertyName("beforeMs")] int BeforeMs = 0,
    [property: JsonPropertyName("afterMs")] int AfterMs = 0,
    int Times = 1) : Disturbance(Path, Times)
{
    public override Task<IResult?> BeforeAsync(CancellationToken gone, CancellationToken stop) => Wait(BeforeMs, stop);

    public override Task<IResult?> AfterAsync(CancellationToken gone, CancellationToken stop) => Wait(AfterMs, stop);

    private static async Task<IResult?> Wait(int milliseconds, CancellationToken stop)
    {
        await Task.Delay(milliseconds, stop);
        return null;
    }
}

/// <summary>Answers an error: <c>before</c> performing, or <c>after</c> it, which the caller cannot tell apart.</summary>
internal sealed record Fail(string Path, string When = "before", int Status = 500, int Times = 1)
    : Disturbance(Path, Times)
{
    public override Task<IResult?> BeforeAsync(CancellationToken gone, CancellationToken stop) => Answer("before");

    public override Task<IResult?> AfterAsync(CancellationToken gone, CancellationToken stop) => Answer("after");

    private Task<IResult?> Answer(string moment) => Task.FromResult(
        When == moment ? Results.Problem("The shop was told to fail.", statusCode: Status) : null);
}

/// <summary>Never answers, until the caller hangs up.</summary>
internal sealed record Hang(string Path, string When = "before", int Times = 1) : Disturbance(Path, Times)
{
    public override Task<IResult?> BeforeAsync(CancellationToken gone, CancellationToken stop) => Hold("before", gone);

    public override Task<IResult?> AfterAsync(CancellationToken gone, CancellationToken stop) => Hold("after", gone);

    private async Task<IResult?> Hold(string moment, CancellationToken gone)
    {
        if (When != moment)
        {
            return null;
        }

        await Task.Delay(Timeout.Infinite, gone).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
    }
}
