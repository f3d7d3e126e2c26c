using Mesh.Errors.V1;

namespace Mesh.Toolrunner.Output;

/// <summary>Reasons as reports spell them.</summary>
internal static class ReasonWords
{
    /// <summary>The name in <c>mesh.errors.v1</c>; empty for none.</summary>
    public static string Of(Reason reason) =>
        reason == Reason.Unspecified ? "" : ErrorsReflection.Descriptor.EnumTypes[0].FindValueByNumber((int)reason)?.Name ?? "";
}
