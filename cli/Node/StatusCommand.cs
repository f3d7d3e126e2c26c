using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;

namespace Mesh.Cli.Node;

/// <summary><c>mesh status</c>: is everything ready?</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static Command Create()
    {
        var command = new Command("status", "Show whether each service of a mesh on this machine is ready; exit code 8 when one is not.");

        command.Runs(async (session, stop) =>
        {
            var folder = new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName);
            if (IsElsewhere(session) || !TryRead(folder.RunFile, out var run))
            {
                // Of a mesh on another machine only the door can be asked.
                var answer = await new Policy.V1.AccessService.AccessServiceClient(session.Mesh).WhoAmIAsync(new(), cancellationToken: stop);
                session.Printer.Print(
                    new JsonObject { ["ready"] = true, ["principal"] = answer.Principal.Id },
                    "ready",
                    to => to.WriteLine($"the mesh answers; you are {answer.Principal.Id}"));
                return ExitCodes.Done;
            }

            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
            var first = new Uri(run.Http).Port;
            var replicas = Service.All.Select(service => service.Name).Union(run.Pids.Keys).Select(Replica.Named).OfType<Replica>();
            var services = await Task.WhenAll(replicas.Select(replica => ServiceStatus.AskAsync(
                http, replica.Name, run.Pids.GetValueOrDefault(replica.Name), new Uri($"http://127.0.0.1:{PortBlock.HealthOf(first, replica)}/readyz"), stop)));
            Print(session, run, services);
            return services.All(service => service.IsReady) ? ExitCodes.Done : ExitCodes.NotReachable;
        });
        return command.WithExample("mesh status && mesh task list");
    }

    private static bool IsElsewhere(Session session) =>
        session.Parse.GetValue(GlobalOptions.Endpoint) is not null || Environment.GetEnvironmentVariable("MESH_ENDPOINT") is { Length: > 0 };

    private static bool TryRead(string path, out RunFile run)
    {
        try
        {
            run = RunFile.Read(path);
            return true;
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            run = null!;
            return false;
        }
    }

    private static void Print(Session session, RunFile run, ServiceStatus[] services)
    {
        var isReady = services.All(service => service.IsReady);
        var json = new JsonObject
        {
            ["ready"] = isReady,
            ["version"] = VersionCommand.Current,
            ["http"] = run.Http,
            ["grpc"] = run.Grpc,
            ["bus"] = run.Bus,
            ["services"] = new JsonArray([.. services.Select(service => service.ToJson())]),
            ["agents"] = new JsonObject(run.Agents.Select(agent => KeyValuePair.Create(agent.Key, (JsonNode?)agent.Value))),
        };
        session.Printer.Print(json, isReady ? "ready" : "not ready", to =>
        {
            to.WriteLine($"mesh {VersionCommand.Current} at {run.Http} (gRPC {run.Grpc}), bus {run.Bus}");
            foreach (var service in services)
            {
                to.WriteLine($"{service.Name,-15} {service.State,-9}  pid {service.Pid}");
                foreach (var trouble in service.Troubles)
                {
                    to.WriteLine($"{"",15} {Told.OneLine(trouble)}");
                }
            }

            foreach (var (agent, pid) in run.Agents)
            {
                to.WriteLine($"agent {agent}  pid {pid}");
            }
        });
    }
}
