using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>Reasons as they travel: the enum's own names.</summary>
public static class ReasonNames
{
    /// <summary>The name of a reason, as in <c>google.rpc.ErrorInfo</c>: <c>POLICY_DENIED</c>.</summary>
    public static string Name(this Reason reason) => ErrorStatus.NameOf(reason);

    /// <summary>The reason of that name; <see cref="Reason.Unspecified"/> for a newer one, or for a word of somebody else's.</summary>
    public static Reason Parse(string name) => ErrorStatus.ReasonOf(name);
}
