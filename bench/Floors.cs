using System.Diagnostics;
using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bench;

/// <summary>What this machine does at best: one durable row, and one call over loopback.</summary>
internal sealed class Floors : IAsyncDisposable
{
    private const int Warm = 20;
    private const int Times = 60;

    private readonly NpgsqlConnection connection;
    private readonly NpgsqlCommand insert;
    private readonly WebApplication app;
    private readonly GrpcChannel channel;

    private Floors(NpgsqlConnection connection, WebApplication app)
    {
        this.connection = connection;
        this.app = app;
        insert = new NpgsqlCommand("insert into bench_floor.row values (1)", connection);
        channel = PlainChannel.Open(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    /// <summary>Makes a table on the mesh's own PostgreSQL and a service in this process.</summary>
    public static async Task<Floors> StartAsync(string connectionString, CancellationToken stop)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(stop);
        await ExecuteAsync(connection, "create schema bench_floor; create table bench_floor.row(n bigint)", stop);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapGrpcService<Nothing>();
        await app.StartAsync(stop);
        var floors = new Floors(connection, app);
        await floors.insert.PrepareAsync(stop);

        return floors;
    }

    /// <summary>One row, committed durably, one at a time. In milliseconds.</summary>
    public Task<IReadOnlyList<double>> CommitsAsync(CancellationToken stop) => TimeAsync(() => insert.ExecuteNonQueryAsync(stop));

    /// <summary>One unary gRPC call over loopback without TLS, one at a time. In milliseconds.</summary>
    public Task<IReadOnlyList<double>> CallsAsync(CancellationToken stop)
    {
        var client = new Policy.V1.IdentityService.IdentityServiceClient(channel);
        var request = new Policy.V1.AuthenticateRequest();

        return TimeAsync(async () => await client.AuthenticateAsync(request, cancellationToken: stop));
    }

    public async ValueTask DisposeAsync()
    {
        channel.Dispose();
        await app.DisposeAsync();
        await insert.DisposeAsync();
        await ExecuteAsync(connection, "drop schema bench_floor cascade", CancellationToken.None);
        await connection.DisposeAsync();
    }

    private static async Task<IReadOnlyList<double>> TimeAsync(Func<Task> once)
    {
        var times = new List<double>(Times);

        for (var round = 0; round < Warm + Times; round++)
        {
            var started = Stopwatch.GetTimestamp();
            await once();

            if (round >= Warm)
            {
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        return times;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(stop);
    }

    private sealed class Nothing : Policy.V1.IdentityService.IdentityServiceBase
    {
        public override Task<Policy.V1.AuthenticateResponse> Authenticate(Policy.V1.AuthenticateRequest request, ServerCallContext context) =>
            Task.FromResult(new Policy.V1.AuthenticateResponse());
    }
}
