using Mesh.Bus.Rabbit;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Audit.Schema;

/// <summary>By which connection a message is claimed.</summary>
[DbContext(typeof(AuditDbContext))]
[Migration("20261130000001_claimants")]
internal sealed class AddClaimants : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Deferred.Claimant);
}
