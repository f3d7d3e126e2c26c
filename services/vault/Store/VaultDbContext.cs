using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Mesh.Vault.Store;

/// <summary>The vault's schema. It owns the migrations; everything reads and writes by SQL.</summary>
internal sealed class VaultDbContext(DbContextOptions<VaultDbContext> options) : MeshDbContext(options, "vault");
