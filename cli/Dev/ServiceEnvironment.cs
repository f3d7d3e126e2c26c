namespace Mesh.Cli.Dev;

/// <summary>What a service of the node is told: its addresses, its own keys and store, and where its peers are.</summary>
internal static class ServiceEnvironment
{
    public static IReadOnlyDictionary<string, string> Of(Service service, DataFolder data, PortBlock ports, Stores stores, string bus)
    {
        var environment = new Dictionary<string, string>
        {
            ["MESH_LISTEN"] = $"127.0.0.1:{ports.ServiceOf(service.Index)}",
            ["MESH_HEALTH"] = $"127.0.0.1:{ports.HealthOf(service.Index)}",
            ["MESH_KEYS"] = Path.Combine(data.Keys, service.Name),
            ["MESH_DOMAIN"] = NodeKeys.Domain,
            ["MESH_BUS"] = bus,
            ["MESH_STOP_ON_STDIN_EOF"] = "true",
        };
        foreach (var peer in Service.All.Where(peer => peer != service))
        {
            environment[$"MESH_PEER_{peer.Name.ToUpperInvariant()}"] = $"127.0.0.1:{ports.ServiceOf(peer.Index)}";
        }

        if (service.HasStore)
        {
            // By file, not by value: a process's environment is shown to every program of the same user.
            environment["MESH_POSTGRES_FILE"] = stores.ConnectionFileOf(service);
            environment["MESH_BUS_URL_FILE"] = bus == Buses.Rabbitmq ? stores.BrokerFile : stores.ConnectionFileOf(service);
        }

        switch (service.Name)
        {
            case "ingress":
                environment["MESH_HTTP"] = $"127.0.0.1:{ports.Http}";
                environment["MESH_GRPC"] = $"127.0.0.1:{ports.Grpc}";
                break;
            case "audit":
                environment["MESH_AUDIT_ANCHOR"] = data.Checkpoints;
                break;
            case "policy":
                environment["MESH_BOOTSTRAP_TOKEN_FILE"] = data.BootstrapToken;
                break;
            case "toolrunner":
                environment["MESH_RUNNER_DATA"] = data.Runner;
                environment["MESH_AGENTS_FILE"] = Path.Combine(data.Run, "agents.json");
                environment["MESH_AGENT_LOGS"] = Path.Combine(data.Logs, "agents");
                break;
        }

        return environment;
    }
}
