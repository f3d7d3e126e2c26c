using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Vault.Store;

/// <summary>By which connection a message is claimed.</summary>
[DbContext(typeof(VaultDbContext))]
[Migration("20261130000000_Claimants")]
internal sealed class AddClaimants : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Outbox.Claimant);
}
