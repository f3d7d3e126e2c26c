using System.Collections.Immutable;

namespace Mesh.ServiceHost;

/// <summary>The roles, each granted per tenant.</summary>
public static class Role
{
    /// <summary>Sees tasks, timelines and manifests.</summary>
    public const string Viewer = "viewer";

    /// <summary>Starts, cancels and settles.</summary>
    public const string Operator = "operator";

    /// <summary>Decides approvals, where its groups may.</summary>
    public const string Approver = "approver";

    /// <summary>Applies policy sets.</summary>
    public const string PolicyAdmin = "policy-admin";

    /// <summary>Puts secrets.</summary>
    public const string VaultAdmin = "vault-admin";

    /// <summary>Reads the audit log.</summary>
    public const string Auditor = "auditor";

    /// <summary>Holds every role.</summary>
    public const string Admin = "admin";

    /// <summary>All of them.</summary>
    public static ImmutableArray<string> All { get; } = [Viewer, Operator, Approver, PolicyAdmin, VaultAdmin, Auditor, Admin];
}
