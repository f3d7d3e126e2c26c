using System.Net.Sockets;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using Mesh.Agent.V1;
using Value = Google.Protobuf.WellKnownTypes.Value;

namespace Mesh.Toolrunner.Tests.Agents;

/// <summary>An agent that looks around, and records what it sees as a step.</summary>
internal static class ProbingAgent
{
    public static async Task<int> RunAsync()
    {
        var seen = JsonSerializer.Serialize(new
        {
            environment = Environment.GetEnvironmentVariables().Keys.Cast<string>().Order(),
            descriptors = Directory.GetFiles("/proc/self/fd").Select(f => $"{Path.GetFileName(f)} {new FileInfo(f).LinkTarget}"),
            user = File.ReadAllLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)),
            groups = File.ReadAllLines("/proc/self/status").First(line => line.StartsWith("Groups:", StringComparison.Ordinal)),
            directory = Environment.CurrentDirectory,
            neighbours = new[] { "..", Path.Combine(Environment.GetEnvironmentVariable("HOME")!, "..") }.Where(CanList),
        });

        // Before the channel opens anything of its own.
        var handler = new SocketsHttpHandler
        {
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectCallback = (_, _) => ValueTask.FromResult<Stream>(new NetworkStream(new Socket(new SafeSocketHandle(3, ownsHandle: true)), ownsSocket: true)),
        };
        using var channel = GrpcChannel.ForAddress("http://mesh", new GrpcChannelOptions { HttpHandler = handler });
        var client = new AgentService.AgentServiceClient(channel);
        Console.WriteLine("the agent speaks");
        await client.RecordStepAsync(new RecordStepRequest { Claim = "c", StepKey = "seen#0", Value = Value.ForString(seen) });

        while (true)
        {
            var work = await client.PollWorkAsync(new PollWorkRequest { Worker = "w", ItemsMax = 1, Wait = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)) });

            foreach (var item in work.Items)
            {
                // It thinks: no request is under way on its connection meanwhile.
                if (item.Input.KindCase == Value.KindOneofCase.StructValue && item.Input.StructValue.Fields.TryGetValue("think_ms", out var ms))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(ms.NumberValue));
                }

                await client.RecordStepAsync(new RecordStepRequest { Claim = item.Claim, StepKey = "input#0", Value = item.Input });
            }
        }
    }

    private static bool CanList(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder).Length > 0;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
