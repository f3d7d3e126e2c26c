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
        var fresh = new Option<bool>("--fresh") { Description = "Delete what an earlier mesh left in the folder, and start from nothing." };
        var headless = new Option<bool>("--headless") { Description = "Print the one line `ready` and no links." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print every line that the services log, and where the time goes." };

        var command = new Command("dev", "Run a whole mesh here: private PostgreSQL, keys, six services. Ctrl-C stops it.")
        {
            port,
            bus,
            fresh,
            headless,
            verbose,
        };
        command.Runs((session, stop) => DevNode.RunAsync(
            new DevSettings(
                new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName),
                session.Parse.GetValue(port),
                session.Parse.GetValue(bus)!,
                session.Parse.GetValue(fresh),
                session.Parse.GetValue(headless),
                session.Parse.GetValue(verbose)),
            stop));
        return command.WithExample("""
            mesh dev
            mesh dev --data /tmp/other --port 7400 --fresh
            mesh dev --data /tmp/scaled --bus rabbitmq
            """);
    }
}
