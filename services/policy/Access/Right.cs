using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.ServiceHost;

namespace Mesh.Policy.Access;

/// <summary>What somebody may do here.</summary>
internal enum Right
{
    SeeApprovals,
    DecideApprovals,
    ApplyPolicySets,
    ApplyDefinitions,
    SeeGroups,
    ChangeAccess,
}

/// <summary>Which roles carry which right: the one table. Admin carries every right, and is not repeated.</summary>
internal static class Rights
{
    private static readonly FrozenDictionary<Right, ImmutableArray<string>> Table = new Dictionary<Right, ImmutableArray<string>>
    {
        [Right.SeeApprovals] = [Role.Viewer, Role.Operator, Role.Approver, Role.PolicyAdmin, Role.Auditor],

        // Besides, the approver has to be a person, and in a group that the approval names.
        [Right.DecideApprovals] = [Role.Approver],
        [Right.ApplyPolicySets] = [Role.PolicyAdmin],
        [Right.ApplyDefinitions] = [Role.Operator],
        [Right.SeeGroups] = [Role.Viewer, Role.Operator, Role.Approver, Role.PolicyAdmin, Role.Auditor],
        [Right.ChangeAccess] = [],
    }.ToFrozenDictionary();

    public static bool May(this Principal principal, Right right, string tenant) => principal.Has(tenant, Table[right].AsSpan());

    /// <summary>The principal as facts name it.</summary>
    public static string Actor(this Principal principal) => $"{(principal.Kind == PrincipalKind.Person ? "person" : "system")}:{principal.Id}";

    /// <summary>The first role that carries the right, for telling people what they lack.</summary>
    public static string RoleFor(Right right) => Table[right] is [var first, ..] ? first : Role.Admin;
}
