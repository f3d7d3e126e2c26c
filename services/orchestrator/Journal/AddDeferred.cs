using Mesh.Bus.Rabbit;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Orchestrator.Journal;

/// <summary>What a broker delivered and could not be handled yet: <see cref="Deferred"/>.</summary>
[DbContext(typeof(OrchestratorDb))]
[Migration("0003_deferred")]
internal sealed class AddDeferred : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Deferred.Table);
}
