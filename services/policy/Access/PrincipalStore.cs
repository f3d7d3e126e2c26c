using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Access;

/// <summary>Who is who: people and systems, their roles, groups and tokens. Of a token only its hash is kept.</summary>
internal sealed class PrincipalStore(NpgsqlDataSource store)
{
    /// <summary>Whoever the token belongs to; null when it is unknown, revoked or expired.</summary>
    public async Task<Principal?> AuthenticateAsync(string text, CancellationToken stop)
    {
        if (!OpaqueToken.TryParse(text, TokenKind.Access, out var token))
        {
            return null;
        }

        // One statement, so that it is one snapshot: a role that was revoked with the token cannot be seen beside it.
        await using var command = store.CreateCommand(
            """
            select t.id::text, p.id, p.kind,
                   array(select r.tenant_id from role_grant r where r.principal = p.id order by r.tenant_id, r.role),
                   array(select r.role from role_grant r where r.principal = p.id order by r.tenant_id, r.role),
                   array(select m.tenant_id from group_member m where m.principal = p.id order by m.tenant_id, m.group_name),
                   array(select m.group_name from group_member m where m.principal = p.id order by m.tenant_id, m.group_name)
            from token t join principal p on p.id = t.principal
            where t.hash = $1 and t.revoked_at is null and t.expires_at > clock_timestamp()
            """);
        command.Parameters.Add(new() { Value = token.Hash().ToArray() });
        await using var row = await command.ExecuteReaderAsync(stop);

        if (!await row.ReadAsync(stop))
        {
            return null;
        }

        var roles = row.GetFieldValue<string[]>(3).Zip(row.GetFieldValue<string[]>(4));
        var groups = row.GetFieldValue<string[]>(5).Zip(row.GetFieldValue<string[]>(6));
        return new Principal(
            row.GetString(1),
            row.GetInt16(2) == (short)PrincipalKindNumber.Person ? PrincipalKind.Person : PrincipalKind.System,
            roles.GroupBy(r => r.First).ToImmutableDictionary(g => g.Key, g => g.Select(r => r.Second).ToImmutableHashSet()),
            [.. groups.Select(g => new Group(g.First, g.Second))],
            row.GetString(0));
    }

    /// <summary>Tokens, oldest first; of all principals when none is named.</summary>
    public async Task<IReadOnlyList<TokenRecord>> ListTokensAsync(string? principal, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            "select id, principal, note, created_at, expires_at, revoked_at from token where $1 = '' or principal = $1 order by id limit 1000");
        command.Parameters.Add(new() { Value = principal ?? "" });
        await using var rows = await command.ExecuteReaderAsync(stop);
        var tokens = new List<TokenRecord>();

        while (await rows.ReadAsync(stop))
        {
            tokens.Add(new TokenRecord(
                rows.GetGuid(0),
                rows.GetString(1),
                rows.GetString(2),
                rows.GetFieldValue<DateTimeOffset>(3),
                rows.GetFieldValue<DateTimeOffset>(4),
                rows.IsDBNull(5) ? null : rows.GetFieldValue<DateTimeOffset>(5)));
        }

        return tokens;
    }

    /// <summary>The groups of a tenant with their members, both sorted.</summary>
    public async Task<IReadOnlyList<(string Group, string[] Members)>> ListGroupsAsync(string tenant, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            "select group_name, array_agg(principal order by principal) from group_member where tenant_id = $1 group by group_name order by group_name");
        command.Parameters.Add(new() { Value = tenant });
        await using var rows = await command.ExecuteReaderAsync(stop);
        var groups = new List<(string, string[])>();

        while (await rows.ReadAsync(stop))
        {
            groups.Add((rows.GetString(0), rows.GetFieldValue<string[]>(1)));
        }

        return groups;
    }
}

/// <summary>A token as it may be shown: everything but the token.</summary>
internal sealed record TokenRecord(Guid Id, string Principal, string Note, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? RevokedAt);

/// <summary>How the kind of a principal is stored.</summary>
internal enum PrincipalKindNumber : short
{
    Person = 1,
    System = 2,
}
