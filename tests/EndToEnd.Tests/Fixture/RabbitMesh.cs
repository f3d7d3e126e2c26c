namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh with RabbitMQ as its bus: a private server of its own.</summary>
public sealed class RabbitMesh : RefundMesh
{
    protected override IReadOnlyList<string> Arguments => ["--bus", "rabbitmq"];
}
