using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Bus.Embedded;

/// <summary>Every consumer of the mesh, before any service sends: see <see cref="Subscriptions"/>.</summary>
[DbContext(typeof(BusDbContext))]
[Migration("20261130000000_subscriptions")]
internal sealed class SubscriptionsMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        // Names of this code's own: letters, digits, dots and underscores.
        var rows = Subscriptions.All.SelectMany(pair => pair.Value.Select(type => $"('{pair.Key}', '{type}')"));
        migrationBuilder.Sql($"insert into subscription (consumer, type) values {string.Join(", ", rows)} on conflict do nothing");
    }
}
