using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Toolrunner.Tests;

/// <summary>A real system, as well or as badly behaved as its path says.</summary>
internal sealed class Target : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Target(WebApplication app) => this.app = app;

    public ConcurrentQueue<Seen> Requests { get; } = new();

    public string Host => new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

    public string BaseUrl => $"http://{Host}";

    public static async Task<Target> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0));
        var target = new Target(builder.Build());
        target.app.Run(target.AnswerAsync);
        await target.app.StartAsync();
        return target;
    }

    /// <summary>Lets the answers of <c>/held</c> go.</summary>
    public void Release() => released.TrySetResult();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        var raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        Requests.Enqueue(new Seen(context.Request.Method, raw, context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), body));

        switch (context.Request.Path.Value?.Split('/')[1])
        {
            case "echo":
                context.Response.ContentType = "application/json";
                await context.Response.WriteAsync(body.Length > 0 ? body : "{}");
                break;

            case "held":
                await released.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync("{}");
                break;

            case "leak":
                await context.Response.WriteAsync(Leaks.Of(context.Request.Headers.Authorization.ToString()));
                break;

            case "redirect":
                context.Response.Redirect("http://127.0.0.1:9/stolen");
                break;

            case "status":
                context.Response.StatusCode = int.Parse(context.Request.Path.Value.Split('/')[2], CultureInfo.InvariantCulture);
                await context.Response.WriteAsync("""{"error":"said so"}""");
                break;

            case "slow":
                await Task.Delay(TimeSpan.FromSeconds(30), context.RequestAborted);
                break;

            case "drip":
                for (var i = 0; i < 100; i++)
                {
                    await context.Response.WriteAsync(" ", context.RequestAborted);
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                    await Task.Delay(100, context.RequestAborted);
                }

                break;

            case "bomb":
                for (var i = 0; i < 100_000; i++)
                {
                    await context.Response.WriteAsync(new string('x', 10_000), context.RequestAborted);
                }

                break;

            case "fill":
                var filling = context.Request.Path.Value.Split('/')[2..].Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray();
                await context.Response.Body.WriteAsync(Enumerable.Repeat((byte)filling[0], filling[1]).ToArray(), context.RequestAborted);
                break;

            case "hangup":
                context.Abort();
                break;

            case "raw":
                await context.Response.WriteAsync(body);
                break;
        }
    }

    public sealed record Seen(string Method, string Url, Dictionary<string, string> Headers, string Body);
}

/// <summary>Every way in which a target may say a secret back.</summary>
internal static class Leaks
{
    public static string Of(string header)
    {
        var secret = header.Replace("Bearer ", "", StringComparison.Ordinal);
        var bytes = Encoding.UTF8.GetBytes(secret);
        return System.Text.Json.JsonSerializer.Serialize(new
        {
            plain = header,
            hex = Convert.ToHexString(bytes),
            hexLower = Convert.ToHexStringLower(bytes),
            base64 = Convert.ToBase64String(bytes),
            base64Header = Convert.ToBase64String(Encoding.UTF8.GetBytes(header)),
            base64Shifted = Convert.ToBase64String([1, .. bytes, 2]),
            base64ShiftedTwice = Convert.ToBase64String([1, 2, .. bytes, 3]),
            base64Url = Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_').TrimEnd('='),
            url = Uri.EscapeDataString(secret),
            allPercent = string.Concat(bytes.Select(b => $"%{b:x2}")),
            html = string.Concat(secret.Select(c => $"&#x{(int)c:X};")),
        });
    }
}
