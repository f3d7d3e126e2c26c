using System.Text.RegularExpressions;
using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Crashes;

/// <summary>The refund sample under manifests that do not allow a refund to be sent again.</summary>
public sealed partial class UnrepeatableMesh : RefundMesh
{
    /// <summary>Nobody but a person can find out whether a refund arrived.</summary>
    public const string Once = "once";

    /// <summary>The shop can be asked about a refund.</summary>
    public const string Probed = "probed";

    protected override IReadOnlyDictionary<string, Func<string, string>> Tenants { get; } = new Dictionary<string, Func<string, string>>
    {
        [Once] = text => Refund().Replace(ManyAnHour(text), ""),
        [Probed] = text => Refund().Replace(ManyAnHour(text), match => match.Value.Replace("safe: true", "safe: false", StringComparison.Ordinal))
            .Replace("timeout: 10s", "timeout: 4s", StringComparison.Ordinal),
    };

    // The tests of a night refund more than the sample's policy lets pass without a person.
    private static string ManyAnHour(string text) => text.Replace("max: 200,", "max: 1000,", StringComparison.Ordinal);

    // The one tool with a probe.
    [GeneratedRegex(@"  repeat: \{safe: true, key: \{header: Idempotency-Key\}\}\n  reconcile: [^\n]*\n")]
    private static partial Regex Refund();
}
