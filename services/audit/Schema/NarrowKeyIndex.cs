using Mesh.Bus.Rabbit;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Audit.Schema;

/// <summary>The index by key is for who looks for a key.</summary>
[DbContext(typeof(AuditDbContext))]
[Migration("20261130000002_key_index")]
internal sealed class NarrowKeyIndex : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Deferred.KeyIndex);
}
