using Mesh.Bus.Rabbit;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Policy.Migrations;

/// <summary>What a broker delivered and could not be handled yet: <see cref="Deferred"/>.</summary>
[DbContext(typeof(PolicyDbContext))]
[Migration("0002_deferred")]
internal sealed class M0002Deferred : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Deferred.Table);
}
