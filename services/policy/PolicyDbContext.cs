using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Mesh.Policy;

/// <summary>The schema <c>policy</c>: its migrations. Everything is read and written as SQL, close to where it is used.</summary>
internal sealed class PolicyDbContext(DbContextOptions<PolicyDbContext> options) : MeshDbContext(options, Name)
{
    public const string Name = "policy";
}
