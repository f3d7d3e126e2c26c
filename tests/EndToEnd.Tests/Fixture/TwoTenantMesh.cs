namespace EndToEnd.Tests.Fixture;

/// <summary>The refund sample for two tenants: what is done to one's agent leaves the other's alone.</summary>
public sealed class TwoTenantMesh : RefundMesh
{
    public const string Second = "second";

    protected override IReadOnlyDictionary<string, Func<string, string>> Tenants { get; } =
        new Dictionary<string, Func<string, string>> { [Acme] = text => text, [Second] = text => text };
}
