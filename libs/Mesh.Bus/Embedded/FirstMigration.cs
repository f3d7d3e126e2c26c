using Mesh.Bus.Stored;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Bus.Embedded;

[DbContext(typeof(BusDbContext))]
[Migration("20261123000000_first")]
internal sealed class FirstMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql("""
            create table subscription (
              consumer text not null,
              type text not null,
              primary key (type, consumer)
            );
            """);
        migrationBuilder.Sql(MessageTable.Of("message"));
    }
}
