using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Policy.Migrations;

/// <summary>By which connection a message is claimed.</summary>
[DbContext(typeof(PolicyDbContext))]
[Migration("0003_claimants")]
internal sealed class M0003Claimants : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Outbox.Claimant);
        migrationBuilder.Sql(Deferred.Claimant);
    }
}
