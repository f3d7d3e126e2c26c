using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Tracing;

/// <summary>The refund mesh, told by the standard variables to export what it does.</summary>
public class TracedMesh : RefundMesh
{
    public OtlpReceiver Receiver { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Receiver.Address,
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
    };

    public override async ValueTask InitializeAsync()
    {
        Receiver = await OtlpReceiver.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Receiver.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The same on the other bus.</summary>
public sealed class TracedRabbitMesh : TracedMesh
{
    protected override IReadOnlyList<string> Arguments => ["--bus", "rabbitmq"];
}
