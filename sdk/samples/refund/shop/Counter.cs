namespace Refund.Shop;

/// <summary>The counter that every request comes to: noted, let in or not, and held up when the shop was told to.</summary>
internal sealed class Counter(
    Book book, AreaTokens tokens, Disturbances disturbances, IHostApplicationLifetime life) : IEndpointFilter
{
    public static string? KeyOf(HttpRequest request) =>
        request.Headers["Idempotency-Key"].ToString() is { Length: > 0 } key ? key : null;

    public async ValueTask<object?> InvokeAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        var admitted = tokens.Admits(request);
        var number = book.Ask(request.Method, request.Path + request.QueryString, KeyOf(request), admitted);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(
            context.HttpContext.RequestAborted, life.ApplicationStopping);

        var answer = admitted
            ? await ServeAsync(() => next(context), request.Path, gone.Token)
            : Results.Problem("The bearer token is missing or wrong.", statusCode: StatusCodes.Status401Unauthorized);

        book.Answer(number, (answer as IStatusCodeHttpResult)?.StatusCode ?? StatusCodes.Status200OK);
        return answer;
    }

    private async Task<object?> ServeAsync(Func<ValueTask<object?>> perform, PathString path, CancellationToken gone)
    {
        var disturbance = disturbances.Take(path);
        if (disturbance is not null && await disturbance.BeforeAsync(gone, life.ApplicationStopping) is { } refused)
        {
            return refused;
        }

        var answer = await perform();
        if (disturbance is not null && await disturbance.AfterAsync(gone, life.ApplicationStopping) is { } lost)
        {
            return lost;
        }

        return answer;
    }
}
