using Mesh.TestKit;
using Testcontainers.PostgreSql;
using Testcontainers.RabbitMq;

namespace Compose.Tests.Containers;

/// <summary>The mesh on a PostgreSQL and a RabbitMQ that are not its own.</summary>
public sealed class ExternalServersTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_refund_runs_on_servers_that_the_mesh_was_told_of_by_files()
    {
        await Engine.RequireAsync();
        await using var postgres = new PostgreSqlBuilder("postgres:17").WithDatabase("mesh").WithUsername("owner")

            // Built for tests that may lose what they wrote; audit refuses such a server.
            .WithCommand("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "synchronous_commit=on").Build();
        await using var rabbitmq = new RabbitMqBuilder("rabbitmq:4").Build();
        await Task.WhenAll(postgres.StartAsync(Stop), rabbitmq.StartAsync(Stop));
        using var folder = new OpenFolder();
        var secrets = new Dictionary<string, string>
        {
            ["MESH_POSTGRES_SECRET"] = Write("postgres", $"Host=db.test;Database=mesh;Username=owner;Password={PostgreSqlBuilder.DefaultPassword};GSS Encryption Mode=Disable"),
            ["MESH_BUS_URL_SECRET"] = Write("bus-url", $"amqp://{RabbitMqBuilder.DefaultUsername}:{RabbitMqBuilder.DefaultPassword}@mq.test:5672/"),
        };

        await using var mesh = await ContainerMesh.StartAsync(["compose/compose.external.yaml"], secrets, meanwhile: async created =>
        {
            // Where the services look for them.
            await ContainerEngine.RunAsync(["docker", "network", "connect", "--alias", "db.test", $"{created.Project}_store", postgres.Id]);
            await ContainerEngine.RunAsync(["docker", "network", "connect", "--alias", "mq.test", $"{created.Project}_bus", rabbitmq.Id]);
        });

        Assert.Equal("TASK_STATE_COMPLETED", await mesh.EndOfAsync(await mesh.DeliverAsync("1001")));
        Assert.Single(await mesh.BookAsync("refund"));
        Assert.Contains("\nverified\n", await mesh.VerifiedAsync(), StringComparison.Ordinal);
        Assert.Empty(await mesh.ContainersAsync("postgres"));
        Assert.Empty(await mesh.ContainersAsync("rabbitmq"));

        // What the mesh knows is there, and the bus carried it.
        Assert.Equal("1", (await postgres.ExecAsync(["psql", "-U", "owner", "-d", "mesh", "-Atc", "select count(*) from orchestrator.task"], Stop)).Stdout.Trim());
        Assert.Contains("mesh.audit", (await rabbitmq.ExecAsync(["rabbitmqctl", "-q", "list_queues", "name"], Stop)).Stdout, StringComparison.Ordinal);

        string Write(string name, string text)
        {
            // Containers read it as another user; the folder is closed to whoever else is on this machine.
            var path = Path.Combine(folder.Path, name);
            File.WriteAllText(path, text);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            return path;
        }
    }
}
