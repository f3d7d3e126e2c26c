using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Policy.Announcing;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Access;

/// <summary>Changes who is who. Every change is told in the transaction that makes it.</summary>
internal sealed class AccessLedger(NpgsqlDataSource store, OutboxSignal outbox, TimeProvider clock, ILogger<AccessLedger> log)
{
    // Facts about principals belong to no tenant: whoever reads a tenant's log must not learn from them who else there is.
    private const string Everybody = "";

    /// <summary>Makes a token, its principal when it is new, and grants it roles. Null when the name is taken by one of another kind.</summary>
    public async Task<IssuedToken?> IssueAsync(TokenRequest request, string actor, CancellationToken stop)
    {
        var token = OpaqueToken.Generate(TokenKind.Access);
        return await IssueAsync(request, token, actor, stop) is { } id ? new IssuedToken(id, token, request.ExpiresAt) : null;
    }

    /// <summary>The same with a token that exists already: the one of the bootstrap file. Repeating it changes nothing.</summary>
    public async Task<Guid?> IssueAsync(TokenRequest request, OpaqueToken token, string actor, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        if (await EnsurePrincipalAsync(transaction, request, actor, stop) is false)
        {
            return null;
        }

        foreach (var (tenant, role) in request.Roles)
        {
            if (await ChangeAsync(transaction, "insert into role_grant (principal, tenant_id, role) values ($1, $2, $3) on conflict do nothing", [request.Principal, tenant, role], stop))
            {
                await TellAsync(transaction, tenant == Principal.AllTenants ? Everybody : tenant, "role_granted", request.Principal, $"{role} in {tenant}", actor, stop);
            }
        }

        var id = Guid.CreateVersion7();

        if (await ChangeAsync(
            transaction,
            "insert into token (id, hash, principal, note, created_by, expires_at) values ($1, $2, $3, $4, $5, $6) on conflict (hash) do nothing",
            [id, token.Hash().ToArray(), request.Principal, request.Note, actor, request.ExpiresAt],
            stop))
        {
            await TellAsync(transaction, Everybody, "token_created", request.Principal, id.ToString("D"), actor, stop);
        }

        await CommitAsync(transaction, stop);
        return id;
    }

    /// <summary>Ends a token; false when there is none of that id. Ending an ended one changes nothing.</summary>
    public async Task<bool> RevokeAsync(Guid id, string actor, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await using var command = new NpgsqlCommand("select principal, revoked_at is null from token where id = $1 for update", connection, transaction);
        command.Parameters.Add(new() { Value = id });
        string principal;
        bool isLive;

        await using (var row = await command.ExecuteReaderAsync(stop))
        {
            if (!await row.ReadAsync(stop))
            {
                return false;
            }

            (principal, isLive) = (row.GetString(0), row.GetBoolean(1));
        }

        if (isLive)
        {
            await ChangeAsync(transaction, "update token set revoked_at = clock_timestamp() where id = $1", [id], stop);
            await TellAsync(transaction, Everybody, "token_revoked", principal, id.ToString("D"), actor, stop);
            await CommitAsync(transaction, stop);
        }

        return true;
    }

    /// <summary>Puts a principal into a group, or takes it out; false when there is no such principal.</summary>
    public async Task<bool> ChangeMembershipAsync(Group group, string principal, bool isMember, string actor, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        if (isMember && !await ChangeAsync(transaction, "update principal set id = id where id = $1", [principal], stop))
        {
            return false;
        }

        var sql = isMember
            ? "insert into group_member (tenant_id, group_name, principal) values ($1, $2, $3) on conflict do nothing"
            : "delete from group_member where tenant_id = $1 and group_name = $2 and principal = $3";

        if (await ChangeAsync(transaction, sql, [group.Tenant, group.Name, principal], stop))
        {
            await TellAsync(transaction, group.Tenant, isMember ? "group_member_added" : "group_member_removed", principal, group.Name, actor, stop);
            await CommitAsync(transaction, stop);
        }

        return true;
    }

    // Null when it was there before, true when it is new, false when the name belongs to another kind.
    private async Task<bool?> EnsurePrincipalAsync(NpgsqlTransaction transaction, TokenRequest request, string actor, CancellationToken stop)
    {
        var kind = (short)(request.Kind == PrincipalKind.Person ? PrincipalKindNumber.Person : PrincipalKindNumber.System);

        if (await ChangeAsync(transaction, "insert into principal (id, kind) values ($1, $2) on conflict do nothing", [request.Principal, kind], stop))
        {
            await TellAsync(transaction, Everybody, "person_created", request.Principal, request.Kind.ToString().ToLowerInvariant(), actor, stop);
            return true;
        }

        await using var command = new NpgsqlCommand("select kind from principal where id = $1", transaction.Connection, transaction);
        command.Parameters.Add(new() { Value = request.Principal });
        return (short)(await command.ExecuteScalarAsync(stop))! == kind ? null : false;
    }

    private async Task TellAsync(NpgsqlTransaction transaction, string tenant, string change, string subject, string detail, string actor, CancellationToken stop)
    {
        var fact = Announcement.Of(tenant, actor, clock);
        fact.AccessChanged = new Facts.V1.AccessChanged { Change = change, Subject = subject, Detail = detail };
        await Announcement.WriteAsync(transaction, $"access/{subject}", clock.GetUtcNow().ToUnixTimeMilliseconds(), fact, stop);
        log.AccessChanged(subject, change, actor);
    }

    private async Task CommitAsync(NpgsqlTransaction transaction, CancellationToken stop)
    {
        await transaction.CommitAsync(stop);
        outbox.Raise();
    }

    private static async Task<bool> ChangeAsync(NpgsqlTransaction transaction, string sql, ImmutableArray<object> values, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, transaction.Connection, transaction);

        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await command.ExecuteNonQueryAsync(stop) > 0;
    }
}

/// <summary>A token that somebody wants, and for whom.</summary>
internal sealed record TokenRequest(string Principal, PrincipalKind Kind, ImmutableArray<(string Tenant, string Role)> Roles, DateTimeOffset ExpiresAt, string Note);

/// <summary>A token that was made. Its text is shown once.</summary>
internal sealed record IssuedToken(Guid Id, OpaqueToken Token, DateTimeOffset ExpiresAt);
