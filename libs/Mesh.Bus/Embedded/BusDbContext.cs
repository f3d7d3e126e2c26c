using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Mesh.Bus.Embedded;

/// <summary>The schema of the embedded bus. It maps nothing: the bus is all hot path.</summary>
public sealed class BusDbContext(DbContextOptions options) : MeshDbContext(options, Name)
{
    /// <summary>The schema, and the name by which its roles are made.</summary>
    public const string Name = "bus";
}
