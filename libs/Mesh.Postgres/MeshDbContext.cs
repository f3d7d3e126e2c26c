using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Mesh.Postgres;

/// <summary>The EF Core context of one service: its own schema, its own migrations history, snake-case names.</summary>
/// <remarks>
/// EF Core owns the migrations and serves the quiet paths. Migrations are written by hand as SQL, forward only; see <see cref="Migrator"/>.
/// </remarks>
public abstract class MeshDbContext(DbContextOptions options, string schema) : DbContext(options)
{
    internal const string HistoryTable = "migrations";

    /// <summary>The service's schema, which bears the service's name.</summary>
    public string Schema { get; } = schema;

    /// <inheritdoc />
    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
    {
        optionsBuilder.UseNpgsql(npgsql => npgsql.MigrationsHistoryTable(HistoryTable, Schema));

        // SQL comes first here and the model maps only what quiet paths read, so the model never equals the schema and
        // there is no snapshot to compare it with.
        optionsBuilder.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));
    }

    /// <inheritdoc />
    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.HasDefaultSchema(Schema);

    /// <inheritdoc />
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Conventions.Add(_ => new SnakeCaseNames());
}
