using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Vault.Store;

/// <summary>Which apply of a tenant was the last one here. Tenants from before have none, and take the next.</summary>
[DbContext(typeof(VaultDbContext))]
[Migration("20260201000000_ManifestGenerations")]
internal sealed class ManifestGenerations : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        create table vault.manifest_generation (
          tenant_id text primary key,
          generation bigint not null);
        """);
}
