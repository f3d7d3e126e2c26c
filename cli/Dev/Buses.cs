namespace Mesh.Cli.Dev;

/// <summary>The transports of the bus, as services and run.json name them.</summary>
internal static class Buses
{
    public const string Postgres = "postgres";

    public const string Rabbitmq = "rabbitmq";
}
