using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Policy.Migrations;

/// <summary>The index by key is for who looks for a key.</summary>
[DbContext(typeof(PolicyDbContext))]
[Migration("0004_key_index")]
internal sealed class M0004KeyIndex : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Outbox.KeyIndex);
        migrationBuilder.Sql(Deferred.KeyIndex);
    }
}
