using System.Reflection;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Audit.Schema;

/// <summary>Makes the log: <c>0001_log.sql</c>.</summary>
[DbContext(typeof(AuditDbContext))]
[Migration("20261123000001_log")]
internal sealed class FirstLog : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("0001_log.sql")!;
        using var reader = new StreamReader(resource);
        migrationBuilder.Sql(Inbox.Table);
        migrationBuilder.Sql(reader.ReadToEnd());
    }
}
