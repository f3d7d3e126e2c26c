using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.Bench;

/// <summary>The real system of the benchmark: answers at once, counts, and wants the credential.</summary>
internal sealed class Target : IAsyncDisposable
{
    private readonly WebApplication app;
    private int writes;

    private Target(WebApplication app) => this.app = app;

    public int Port { get; private set; }

    public int Writes => Volatile.Read(ref writes);

    public static async Task<Target> StartAsync(string secret, CancellationToken stop)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var target = new Target(builder.Build());
        target.app.MapPost("/write", context => target.WriteAsync(context, secret));
        await target.app.StartAsync(stop);
        target.Port = new Uri(target.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

        return target;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private Task WriteAsync(HttpContext context, string secret)
    {
        if (context.Request.Headers.Authorization != $"Bearer {secret}")
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;

            return Task.CompletedTask;
        }

        Interlocked.Increment(ref writes);
        context.Response.ContentType = "application/json";

        return context.Response.WriteAsync("""{"key":"written"}""");
    }
}
