using Mesh.Orchestrator.Journal;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Mesh.Orchestrator.Manifests;

/// <summary>Which apply of a tenant was the last one here. Tenants from before there was an order have none, and take the next.</summary>
internal static class ManifestGenerations
{
    /// <summary>A tenant that has a later apply than this one; null when none has.</summary>
    public static async Task<string?> FindLaterAsync(NpgsqlConnection connection, string[] tenants, long generation, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "select tenant_id from orchestrator.manifest_generation where tenant_id = any($1) and generation > $2 order by tenant_id limit 1", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = tenants });
        command.Parameters.Add(new NpgsqlParameter { Value = generation });
        return (string?)await command.ExecuteScalarAsync(stop);
    }

    public static async Task SetAsync(NpgsqlConnection connection, string[] tenants, long generation, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            """
            insert into orchestrator.manifest_generation(tenant_id, generation) select tenant, $2 from unnest($1) as t(tenant)
            on conflict (tenant_id) do update set generation = excluded.generation
            """,
            connection);
        command.Parameters.Add(new NpgsqlParameter { Value = tenants });
        command.Parameters.Add(new NpgsqlParameter { Value = generation });
        await command.ExecuteNonQueryAsync(stop);
    }
}

/// <summary>The table of <see cref="ManifestGenerations"/>.</summary>
[DbContext(typeof(OrchestratorDb))]
[Migration("0002_manifest_generations")]
internal sealed class AddManifestGenerations : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("create table manifest_generation(tenant_id text primary key, generation bigint not null);");
}
