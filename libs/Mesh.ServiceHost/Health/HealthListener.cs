using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.ServiceHost;

/// <summary>Answers on the plain listener: <c>/livez</c>, <c>/readyz</c>, <c>/healthz</c>, <c>/metrics</c>, and nothing else.</summary>
internal sealed class HealthListener(RequestDelegate next, Readiness readiness, MetricsText metrics)
{
    public static void Mark(ListenOptions listener)
    {
        listener.Protocols = HttpProtocols.Http1;
        listener.Use(following => connection =>
        {
            connection.Features.Set(Connection.Mark);
            return following(connection);
        });
    }

    /// <summary>Whether it came to the plain listener.</summary>
    public static bool Serves(HttpContext context) => context.Features.Get<Connection>() is not null;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!Serves(context))
        {
            await next(context);
            return;
        }

        switch (context.Request.Path.Value)
        {
            // Alive means: the process answers. Whether it can work is the other question.
            case "/livez" or "/healthz":
                await context.Response.WriteAsync("ok\n", context.RequestAborted);
                break;

            case "/readyz":
                var report = await readiness.AskAsync(context.RequestAborted);
                context.Response.StatusCode = report.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                context.Response.ContentType = "application/json";
                await context.Response.Body.WriteAsync(report.ToJson(), context.RequestAborted);
                break;

            case "/metrics":
                context.Response.ContentType = "text/plain; version=0.0.4";
                await context.Response.WriteAsync(metrics.Format(), context.RequestAborted);
                break;

            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    private sealed class Connection
    {
        public static readonly Connection Mark = new();
    }
}
