using Mesh.Bus.Stored;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Bus.Embedded;

/// <summary>By which connection a message is claimed.</summary>
[DbContext(typeof(BusDbContext))]
[Migration("20261130000001_claimant")]
internal sealed class ClaimantMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MessageTable.ClaimantOf("message"));
}
