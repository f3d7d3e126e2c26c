using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mesh.Sdk.Tests.Peer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mesh.Sdk.Tests;

/// <summary>A worker, and its peer at the other end of a connected socket that the worker knows by its descriptor only.</summary>
internal sealed partial class AgentProcess : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-sdk-");
    private readonly WebApplication server;
    private readonly IHost host;

    private AgentProcess(InMemoryMesh mesh, Action<MeshWorkerBuilder> agents, Action<MeshWorkerOptions>? configure)
    {
        Mesh = mesh;
        var path = Path.Combine(folder.FullName, "s");
        server = Serve(mesh, path);

        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddProvider(Lines);
        agents(builder.AddMeshWorker(options =>
        {
            options.SocketDescriptor = Connect(path);
            options.StopGrace = TimeSpan.FromSeconds(2);
            configure?.Invoke(options);
        }));
        host = builder.Build();
    }

    public InMemoryMesh Mesh { get; }

    public LogLines Lines { get; } = new();

    public CancellationToken Stopping => host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    public static Task<AgentProcess> StartAsync<TIn, TOut>(
        Func<TIn, AgentContext, CancellationToken, Task<TOut>> run, InMemoryMesh? mesh = null, Action<MeshWorkerOptions>? configure = null) =>
        StartAsync(worker => worker.AddAgent("work", run), mesh, configure);

    public static async Task<AgentProcess> StartAsync(
        Action<MeshWorkerBuilder> agents, InMemoryMesh? mesh = null, Action<MeshWorkerOptions>? configure = null)
    {
        var process = new AgentProcess(mesh ?? new InMemoryMesh(), agents, configure);
        await process.host.StartAsync();

        return process;
    }

    /// <summary>As a SIGTERM does.</summary>
    public Task StopAsync() => host.StopAsync();

    public Task BreakConnectionAsync() => server.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
        await server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private static WebApplication Serve(InMemoryMesh mesh, string path)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(mesh);

        var server = builder.Build();
        server.MapGrpcService<InMemoryMesh>();
        server.Start();

        return server;
    }

    private static int Connect(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));

        // A second descriptor of the same connection, which is the worker's as if it had been inherited.
        return Dup((int)socket.SafeHandle.DangerousGetHandle());
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Dup(int descriptor);
}
