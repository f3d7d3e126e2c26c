using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Vault.Store;

/// <summary>The index by key is for who looks for a key.</summary>
[DbContext(typeof(VaultDbContext))]
[Migration("20261130000001_KeyIndex")]
internal sealed class NarrowKeyIndex : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Outbox.KeyIndex);
}
