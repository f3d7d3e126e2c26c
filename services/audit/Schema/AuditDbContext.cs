using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Mesh.Audit.Schema;

/// <summary>The schema <c>audit</c>. Everything in it is written and read as SQL.</summary>
internal sealed class AuditDbContext(DbContextOptions options) : MeshDbContext(options, Service)
{
    public const string Service = "audit";
}
