using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Mesh.ServiceHost.Tests;

/// <summary>A service as small as one can be, which answers whatever a test asks it to.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private static int asked;

    private readonly WebApplication app;

    private TestService(WebApplication app) => this.app = app;

    /// <summary>Ends when a call that lingers has begun; one test uses it.</summary>
    public static TaskCompletionSource Lingering { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IServiceProvider Services => app.Services;

    public string Address => Endpoint(https: true).ToString();

    public Uri Health => new($"http://{Endpoint(https: false)}");

    /// <summary>Runs as a process of its own, as Program.cs of a service does.</summary>
    public static int Run(string[] args)
    {
        Build("policy", args).Run();
        return 0;
    }

    public static async Task<TestService> StartAsync(
        string keys, string service = "policy", Action<WebApplicationBuilder>? configure = null, string[]? more = null, string listen = "127.0.0.1:0", string linger = "0s")
    {
        string[] args = ["--listen", listen, "--health", "127.0.0.1:0", "--linger", linger, "--keys", keys, "--domain", TestKit.TestKeys.Domain, "--log-level", "error", .. more ?? []];
        var app = Build(service, args, configure);
        await app.StartAsync();
        return new TestService(app);
    }

    public Task StopAsync() => app.StopAsync();

    /// <summary>Stops as a service does that is told to: what is in flight is finished.</summary>
    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static WebApplication Build(string service, string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.AddMeshService<TestOptions>(service, args);
        configure?.Invoke(builder);

        var app = builder.Build();
        app.MapMeshService();
        app.MapGrpcService<Identities>();
        app.MapGrpcService<Access>();
        return app;
    }

    private IPEndPoint Endpoint(bool https) => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
        .Select(address => new Uri(address))
        .Where(address => (address.Scheme == "https") == https)
        .Select(address => IPEndPoint.Parse(address.Authority))
        .Single();

    internal static async Task<string> AnswerAsync(string wish, ServerCallContext context)
    {
        switch (wish)
        {
            case "invalid":
                throw Refusals.Invalid("token", "must be 1 to 64 characters");
            case "full":
                throw Refusals.Overloaded("The queue is full.", TimeSpan.FromSeconds(3));
            case "boom":
                throw new InvalidOperationException("the secret detail");
            case "store":
                throw new InvalidOperationException("likely transient", new NpgsqlException("Failed to connect to 10.0.0.1:5432", new IOException("the secret detail")));
            case "a\0b":
                throw new InvalidOperationException("could not save", new PostgresException("invalid byte sequence", "ERROR", "ERROR", PostgresErrorCodes.CharacterNotInRepertoire));
            case "slow":
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                break;
            case "linger":
                Lingering.TrySetResult();
                await Task.Delay(TimeSpan.FromMilliseconds(700), CancellationToken.None);
                break;
            case "second":
                // The first time that it is asked, it never answers.
                await (Interlocked.Increment(ref asked) == 1 ? Task.Delay(Timeout.Infinite, context.CancellationToken) : Task.CompletedTask);
                break;
            case "trace":
                return System.Diagnostics.Activity.Current?.TraceId.ToHexString() ?? "";
            case "deadline":
                return (context.Deadline - DateTime.UtcNow).TotalSeconds.ToString("F0", System.Globalization.CultureInfo.InvariantCulture);
            case "viewer":
                return context.RequireRole("acme", Role.Viewer).Id;
            case "caller":
                return context.Caller().Name;
        }

        return wish;
    }

    private sealed class Identities : Policy.V1.IdentityService.IdentityServiceBase
    {
        public override async Task<Policy.V1.AuthenticateResponse> Authenticate(Policy.V1.AuthenticateRequest request, ServerCallContext context) =>
            new() { Principal = new Policy.V1.Principal { Id = await AnswerAsync(request.Token, context) } };
    }

    private sealed class Access : Policy.V1.AccessService.AccessServiceBase
    {
        public override async Task<Policy.V1.RevokeTokenResponse> RevokeToken(Policy.V1.RevokeTokenRequest request, ServerCallContext context)
        {
            await AnswerAsync(request.TokenId, context);
            return new Policy.V1.RevokeTokenResponse();
        }

        public override Task<Policy.V1.WhoAmIResponse> WhoAmI(Policy.V1.WhoAmIRequest request, ServerCallContext context) =>
            Task.FromResult(new Policy.V1.WhoAmIResponse { Principal = PrincipalMetadata.Write(context.Principal()) });
    }
}
