using System.Collections.Immutable;

namespace Mesh.ServiceHost;

/// <summary>Somebody, or something, on whose behalf a call is made.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Kind">A person or a system.</param>
/// <param name="Roles">The roles, by tenant; the tenant <c>*</c> stands for all.</param>
/// <param name="Groups">The groups that it is a member of.</param>
/// <param name="TokenId">The public id of the token that was shown.</param>
public sealed record Principal(
    string Id,
    PrincipalKind Kind,
    ImmutableDictionary<string, ImmutableHashSet<string>> Roles,
    ImmutableArray<Group> Groups,
    string TokenId)
{
    /// <summary>The tenant that stands for all.</summary>
    public const string AllTenants = "*";

    /// <summary>Whether it holds one of these roles, or admin, in the tenant.</summary>
    public bool Has(string tenant, params ReadOnlySpan<string> roles)
    {
        foreach (var scope in (ReadOnlySpan<string>)[tenant, AllTenants])
        {
            if (Roles.TryGetValue(scope, out var held) && (held.Contains(Role.Admin) || held.Overlaps(roles.ToArray())))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether it has any role in the tenant: may it know that the tenant exists?</summary>
    public bool CanSee(string tenant) => Roles.ContainsKey(tenant) || Roles.ContainsKey(AllTenants);

    /// <summary>Whether it is a member of a group of the tenant.</summary>
    public bool IsMember(string tenant, string group) => Groups.Contains(new Group(tenant, group));
}

/// <summary>A group of a tenant.</summary>
public readonly record struct Group(string Tenant, string Name);

/// <summary>What a principal is.</summary>
public enum PrincipalKind
{
    /// <summary>A human being, who may approve.</summary>
    Person,

    /// <summary>A program.</summary>
    System,
}
