using System.Diagnostics;
using System.Net;
using Grpc.Core;
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
internal static class Floors
{
    private const int Warm = 50;
    private const int Rounds = 400;

    /// <summary>One row, committed durably, one at a time, on the mesh's own PostgreSQL.</summary>
    public static async Task<Figure> CommitAsync(string connectionString, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(stop);
        await ExecuteAsync(connection, "create schema bench_floor; create table bench_floor.row(n bigint)", stop);
        await using var insert = new NpgsqlCommand("insert into bench_floor.row values (1)", connection);
        await insert.PrepareAsync(stop);

        var times = await TimeAsync(() => insert.ExecuteNonQueryAsync(stop));
        await ExecuteAsync(connection, "drop schema bench_floor cascade", stop);

        return Figure.Times("floor: one durable row", times);
    }

    /// <summary>One unary gRPC call over loopback without TLS, one at a time.</summary>
    public static async Task<Figure> CallAsync(CancellationToken stop)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        await using var app = builder.Build();
        app.MapGrpcService<Nothing>();
        await app.StartAsync(stop);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        using var channel = PlainChannel.Open(address);
        var client = new Policy.V1.IdentityService.IdentityServiceClient(channel);
        var request = new Policy.V1.AuthenticateRequest();

        return Figure.Times("floor: one loopback gRPC call", await TimeAsync(async () => await client.AuthenticateAsync(request, cancellationToken: stop)));
    }

    private static async Task<IReadOnlyList<double>> TimeAsync(Func<Task> once)
    {
        var times = new List<double>(Rounds);

        for (var round = 0; round < Warm + Rounds; round++)
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
