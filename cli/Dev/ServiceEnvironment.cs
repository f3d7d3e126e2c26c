namespace Mesh.Cli.Dev;

/// <summary>What a service of the node is told: its addresses, its own keys and store, and where its peers are.</summary>
internal static class ServiceEnvironment
{
    // Each runner's agents are users of their own: one that sweeps must not end another's.
    private const int AgentUidBase = 200_000;
    private const int AgentUids = 65_536;

    public static IReadOnlyDictionary<string, string> Of(Replica replica, IReadOnlyList<Replica> all, DataFolder data, PortBlock ports, Stores stores, string bus)
    {
        var service = replica.Service;
        var environment = new Dictionary<string, string>
        {
            ["MESH_LISTEN"] = $"127.0.0.1:{ports.ServiceOf(replica)}",
            ["MESH_HEALTH"] = $"127.0.0.1:{ports.HealthOf(replica)}",
            ["MESH_KEYS"] = Path.Combine(data.Keys, service.Name),
            ["MESH_DOMAIN"] = NodeKeys.Domain,
            ["MESH_BUS"] = bus,
            ["MESH_STOP_ON_STDIN_EOF"] = "true",
        };
        foreach (var peer in all.Where(peer => peer.Service != service).GroupBy(peer => peer.Service))
        {
            environment[$"MESH_PEER_{peer.Key.Name.ToUpperInvariant()}"] = string.Join(',', peer.Select(one => $"127.0.0.1:{ports.ServiceOf(one)}"));
        }

        if (all.Count(one => one.Service == service) == 1)
        {
            // There is nowhere else for its callers to go.
            environment["MESH_LINGER"] = "0s";
        }

        if (service.HasStore)
        {
            // By file, not by value: a process's environment is shown to every program of the same user.
            environment["MESH_POSTGRES_FILE"] = stores.ConnectionFileOf(service);
            environment["MESH_BUS_URL_FILE"] = bus == Buses.Rabbitmq ? stores.BrokerFile : stores.ConnectionFileOf(service);
        }

        // It keeps nothing, and puts webhooks on the broker while no orchestrator answers.
        if (service.Name == "ingress" && bus == Buses.Rabbitmq)
        {
            environment["MESH_BUS_URL_FILE"] = stores.BrokerFile;
        }

        switch (service.Name)
        {
            case "ingress":
                environment["MESH_HTTP"] = $"127.0.0.1:{ports.HttpOf(replica)}";
                environment["MESH_GRPC"] = $"127.0.0.1:{ports.HttpOf(replica) + 1}";
                break;
            case "audit":
                environment["MESH_AUDIT_ANCHOR"] = data.Checkpoints;
                break;
            case "policy":
                environment["MESH_BOOTSTRAP_TOKEN_FILE"] = data.BootstrapToken;
                break;
            case "toolrunner":
                environment["MESH_RUNNER_DATA"] = data.RunnerOf(replica.Number);
                environment["MESH_AGENT_UID_BASE"] = $"{AgentUidBase + (replica.Number - 1) * AgentUids}";
                environment["MESH_AGENTS_FILE"] = Path.Combine(data.Run, RunningAgents.FileOf(replica));
                environment["MESH_AGENT_LOGS"] = Path.Combine(data.Logs, "agents");
                break;
        }

        return environment;
    }
}
