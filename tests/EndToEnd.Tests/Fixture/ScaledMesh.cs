namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh with two of each service.</summary>
public class ScaledMesh : RefundMesh
{
    public static readonly string[] Services = ["ingress", "policy", "orchestrator", "vault", "audit", "toolrunner"];

    /// <summary>The name in run.json of the second replica.</summary>
    public static string SecondOf(string service) => $"{service}.2";

    protected override IReadOnlyList<string> Arguments => [.. Services.SelectMany(service => (string[])["--scale", $"{service}=2"])];

    // Two, so that there are agents of two workflows to share.
    protected override IReadOnlyDictionary<string, Func<string, string>> Tenants { get; } =
        new Dictionary<string, Func<string, string>> { [Acme] = WithHighLimits, ["globex"] = WithHighLimits };

    // So many refunds are made here that a person would be asked.
    private static string WithHighLimits(string manifest) => manifest
        .Replace("max: 200000,", "max: 200000000,", StringComparison.Ordinal)
        .Replace("max: 200,", "max: 200000,", StringComparison.Ordinal)
        .Replace("max: 500,", "max: 500000,", StringComparison.Ordinal);
}

/// <summary>The same with RabbitMQ as its bus.</summary>
public sealed class ScaledRabbitMesh : ScaledMesh
{
    protected override IReadOnlyList<string> Arguments => [.. base.Arguments, "--bus", "rabbitmq"];
}
