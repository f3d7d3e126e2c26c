using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Orchestrator.Journal;

/// <summary>By which connection a message is claimed.</summary>
[DbContext(typeof(OrchestratorDb))]
[Migration("0004_claimants")]
internal sealed class AddClaimants : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Outbox.Claimant);
        migrationBuilder.Sql(Deferred.Claimant);
    }
}
