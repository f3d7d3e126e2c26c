using Mesh.Bus.Stored;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Bus.Embedded;

/// <summary>The index by key is for who looks for a key.</summary>
[DbContext(typeof(BusDbContext))]
[Migration("20261130000002_key_index")]
internal sealed class KeyIndexMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MessageTable.KeyIndexOf("message"));
}
