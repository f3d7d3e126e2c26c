using System.Globalization;
using Testcontainers.RabbitMq;

namespace Mesh.TestKit;

/// <summary>A server in a container of its own.</summary>
internal sealed class RabbitInContainer : OwnRabbit
{
    public const string Image = "rabbitmq:4";

    private const int Amqp = 5672;

    private readonly RabbitMqContainer container;

    private RabbitInContainer(RabbitMqContainer container) => this.container = container;

    public override Uri Url => new(container.GetConnectionString());

    public static new async Task<OwnRabbit> StartAsync()
    {
        // A port of our choice: one of the engine's would be another after a restart.
        var container = new RabbitMqBuilder(Image).WithPortBinding(FreePorts.One(), Amqp).Build();

        try
        {
            await container.StartAsync();
            return new RabbitInContainer(container);
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    public override Task KillAsync() => ContainerEngine.RunAsync(["docker", "kill", container.Id]);

    public override Task StartAgainAsync() => container.StartAsync();

    public override Task FreezeAsync() => container.PauseAsync();

    public override Task ThawAsync() => container.UnpauseAsync();

    public override async Task RegisteredAsync()
    {
        // To the millisecond: a file of the same second may be older than the queues.
        var now = (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1_000m).ToString(CultureInfo.InvariantCulture);
        await Eventually.Async(async () =>
            (await ExecAsync("find", "/var/lib/rabbitmq", "-path", "*/quorum/*", "-name", "*.dets", "!", "-newermt", $"@{now}")).Length == 0);
    }

    public override Task<string> ControlAsync(params string[] arguments) => ExecAsync(["rabbitmqctl", .. arguments]);

    public override async ValueTask DisposeAsync() => await container.DisposeAsync();

    private async Task<string> ExecAsync(params string[] command)
    {
        var result = await container.ExecAsync(command);
        return result.ExitCode == 0 ? result.Stdout : throw new InvalidOperationException($"{string.Join(' ', command)}: {result.Stderr}");
    }
}
