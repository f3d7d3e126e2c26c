using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Postgres.Tests;

/// <summary>A small service's store: a table of notes that are fenced by an epoch, an outbox and an inbox.</summary>
internal sealed class NoteDbContext(DbContextOptions options) : MeshDbContext(options, Service)
{
    public const string Service = "notes";

    public DbSet<Note> Notes => Set<Note>();
}

internal sealed class Note
{
    public int Id { get; init; }

    public required string NoteText { get; init; }
}

[DbContext(typeof(NoteDbContext))]
[Migration("20261101000000_first")]
internal sealed class FirstMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql("""
            create table notes (id int primary key, note_text text not null check (note_text <> 'poison'));
            create table fences (task int primary key, epoch int not null);
            create table effects (at bigint generated always as identity, key text not null, key_seq bigint not null);
            """);
        migrationBuilder.Sql(Outbox.Table);
        migrationBuilder.Sql(Inbox.Table);
        migrationBuilder.Sql(Deferred.Table);
        migrationBuilder.Sql(Outbox.Claimant);
        migrationBuilder.Sql(Deferred.Claimant);
        migrationBuilder.Sql(Outbox.KeyIndex);
        migrationBuilder.Sql(Deferred.KeyIndex);
    }
}

[DbContext(typeof(NoteDbContext))]
[Migration("20261102000000_second")]
internal sealed class SecondMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("alter table notes add column tag text");
}
