using System.CommandLine;

namespace Mesh.Cli.Dev;

/// <summary><c>mesh dev</c>: a whole mesh on this machine, from nothing.</summary>
internal static class DevCommand
{
    public static Command Create()
    {
        var port = new Option<int?>("--port")
        {
            Description = $"First port of the block that the mesh listens on; {PortBlock.Default}, else the next free block.",
            HelpName = "N",
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens.Single().Value, out var first) && first is >= PortBlock.Lowest and <= PortBlock.Highest)
                {
                    return first;
                }

                result.AddError($"--port must be a whole number between {PortBlock.Lowest} and {PortBlock.Highest}.");
                return null;
            },
        };
        var bus = new Option<string>("--bus")
        {
            Description = "Transport of the bus: postgres, which needs nothing else, or rabbitmq, a private server from the installed package.",
            HelpName = "BUS",
            DefaultValueFactory = _ => Buses.Postgres,
        };
        bus.AcceptOnlyFromAmong(Buses.Postgres, Buses.Rabbitmq);
        var scale = new Option<string[]>("--scale")
        {
            Description = $"How many of a service run, 1 to {Replica.Max}; may be given for each service.",
            HelpName = "SERVICE=N",
        };
        scale.Validators.Add(result =>
        {
            foreach (var wrong in result.Tokens.Select(token => token.Value).Where(text => ReadScale(text) is null))
            {
                result.AddError($"--scale must be a service and 1 to {Replica.Max}, such as orchestrator=2, not '{wrong}'. The services are {string.Join(", ", Service.All.Select(service => service.Name))}.");
            }
        });
        var fresh = new Option<bool>("--fresh") { Description = "Delete what an earlier mesh left in the folder, and start from nothing." };
        var headless = new Option<bool>("--headless") { Description = "Print the one line `ready` and no links." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print every line that the services log, and where the time goes." };

        var command = new Command("dev", "Run a whole mesh here: private PostgreSQL, keys, six services. Ctrl-C stops it.")
        {
            port,
            bus,
            scale,
            fresh,
            headless,
            verbose,
        };
        command.Runs((session, stop) => DevNode.RunAsync(
            new DevSettings(
                new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName),
                session.Parse.GetValue(port),
                session.Parse.GetValue(bus)!,
                (session.Parse.GetValue(scale) ?? []).Select(text => ReadScale(text)!.Value).GroupBy(one => one.Service).ToDictionary(same => same.Key, same => same.Last().Count),
                session.Parse.GetValue(fresh),
                session.Parse.GetValue(headless),
                session.Parse.GetValue(verbose)),
            stop));
        return command.WithExample("""
            mesh dev
            mesh dev --data /tmp/other --port 7400 --fresh
            mesh dev --data /tmp/scaled --bus rabbitmq --scale orchestrator=2 --scale toolrunner=3
            """);
    }

    private static (string Service, int Count)? ReadScale(string text) =>
        text.Split('=') is [var service, var number] && Service.All.Any(one => one.Name == service) && int.TryParse(number, out var count) && count is >= 1 and <= Replica.Max
            ? (service, count)
            : null;
}
