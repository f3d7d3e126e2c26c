using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Orchestrator.Journal;

/// <summary>The index by key is for who looks for a key.</summary>
[DbContext(typeof(OrchestratorDb))]
[Migration("0005_key_index")]
internal sealed class NarrowKeyIndex : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Outbox.KeyIndex);
        migrationBuilder.Sql(Deferred.KeyIndex);
    }
}
