using Mesh.Audit.Schema;
using Mesh.Postgres;
using Npgsql;

namespace Audit.Tests.Sequencing;

public sealed class AppendOnlyTests(Installation installation) : IClassFixture<Installation>
{
    public static TheoryData<string> Changes =>
    [
        "update leaf set leaf = '{}'", "delete from leaf", "truncate leaf",
        "update checkpoint set note = ''", "delete from checkpoint", "truncate checkpoint",
        "update node set hash = hash", "delete from node", "truncate node",
        "delete from log_head", "truncate log_head cascade", "update log_head set tenant_id = 'x'",
    ];

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task The_service_may_not_change_the_log(string sql)
    {
        await using var replica = installation.Open();
        await using var command = replica.Store.CreateCommand(sql);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync(Stop));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task The_owner_may_not_change_the_log_either(string sql)
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();

        // Seventeen leaves: enough for a stored node.
        await Task.WhenAll(Enumerable.Range(0, 17).Select(_ => replica.AppendAsync(Some.Intent(tenant))));
        await replica.SignAsync(tenant);

        var refused = await Assert.ThrowsAsync<PostgresException>(() =>
            installation.AsSuperuserAsync($"set role {Roles.OwnerOf(AuditDbContext.Service)}; {sql}"));

        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
    }

    [Fact]
    public async Task A_head_never_goes_back()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();
        await replica.AppendAsync(Some.Intent(tenant));
        await using var command = replica.Store.CreateCommand($"update log_head set size = 0 where tenant_id = '{tenant}'");

        var refused = await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync(Stop));

        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
    }
}
