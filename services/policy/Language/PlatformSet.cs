using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Policy.Evaluation;

namespace Mesh.Policy.Language;

/// <summary>The rules that every tenant starts from. They delegate everything to the tenant: a tenant's forbid wins over them.</summary>
internal static class PlatformSet
{
    public const string Name = "platform";

    /// <summary>The built-in tool that stands for the start of a task.</summary>
    public const string StartTool = "mesh.start";

    /// <summary>Changes with every change of the rules below, and with it the digest of every tenant's policy.</summary>
    public static ContentDigest Digest { get; } = ContentDigest.Of("mesh/platform-set/1: permit mesh.start"u8);

    public static ImmutableArray<PolicyRule> Rules { get; } =
    [
        new PolicyRule
        {
            Id = "platform-start",
            Effect = RuleEffect.Permit,
            Tools = FrozenSet.Create(StringComparer.Ordinal, StartTool),
        },
    ];
}
