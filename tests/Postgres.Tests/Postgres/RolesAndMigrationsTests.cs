using System.Diagnostics;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Postgres.Tests.Postgres;

public sealed class RolesAndMigrationsTests(NoteStore store) : IClassFixture<NoteStore>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("create table notes.mine (id int)")]
    [InlineData("alter table notes.notes add column more int")]
    [InlineData("drop table notes.notes")]
    [InlineData("truncate notes.notes")]
    [InlineData("delete from notes.migrations")]
    [InlineData("set role mesh_notes_owner")]
    [InlineData("create schema mine")]
    [InlineData("create table public.mine (id int)")]
    [InlineData("create temporary table mine (id int)")]
    [InlineData("select * from other.secrets")]
    public async Task A_services_login_changes_rows_of_its_own_schema_and_nothing_else(string sql)
    {
        await using var admin = NpgsqlDataSource.Create(store.Database.SuperuserConnection);
        await admin.ExecuteAsync("create schema if not exists other; create table if not exists other.secrets (id int)");

        var refused = await Assert.ThrowsAsync<PostgresException>(() => store.Source.ExecuteAsync(sql));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task A_wrong_password_is_refused_and_a_changed_one_holds_at_once()
    {
        var changed = new NpgsqlConnectionStringBuilder(store.Database.ConnectionFor("changing")) { Pooling = false };
        await Roles.EnsureAsync(store.Database.SuperuserConnection, "changing", "first-password");
        changed.Password = "first-password";
        await OpenAsync(changed.ConnectionString);

        await Roles.EnsureAsync(store.Database.SuperuserConnection, "changing", "second-password");

        await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(changed.ConnectionString));
        changed.Password = "second-password";
        await OpenAsync(changed.ConnectionString);
    }

    [Fact]
    public async Task Many_processes_that_prepare_and_migrate_at_once_run_each_migration_once()
    {
        await using var empty = await TestDatabase.CreateAsync();
        var password = TestDatabase.PasswordOf(empty.SuperuserConnection, NoteDbContext.Service);

        var runs = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            await Roles.EnsureAsync(empty.SuperuserConnection, NoteDbContext.Service, password);

            return await Migrator.MigrateAsync<NoteDbContext>(empty.SuperuserConnection);
        })));

        Assert.Equal(2, runs.Sum());
        await using var source = StoreRegistration.OpenSource(empty.ConnectionFor(NoteDbContext.Service));
        Assert.True(await Migrator.IsCurrentAsync<NoteDbContext>(source));
    }

    [Fact]
    public async Task A_migration_behind_a_backup_lets_the_service_read_and_write_and_is_run_when_the_backup_is_over()
    {
        await using var database = await TestDatabase.CreateAsync();
        await Roles.EnsureAsync(database.SuperuserConnection, NoteDbContext.Service, TestDatabase.PasswordOf(database.SuperuserConnection, NoteDbContext.Service));
        await Migrator.MigrateAsync<NoteDbContext>(database.SuperuserConnection);
        await using var admin = NpgsqlDataSource.Create(database.SuperuserConnection);
        await using var source = StoreRegistration.OpenSource(database.ConnectionFor(NoteDbContext.Service));
        await admin.ExecuteAsync("""delete from notes.migrations where "MigrationId" like '%second'; alter table notes.notes drop column tag""");
        await using var backup = await admin.OpenConnectionAsync(Stop);
        await using var reading = await backup.BeginTransactionAsync(Stop);
        await using (var table = new NpgsqlCommand("lock table notes.notes in access share mode", backup, reading))
        {
            await table.ExecuteNonQueryAsync(Stop);
        }

        var migration = Migrator.MigrateAsync<NoteDbContext>(database.SuperuserConnection, Stop);
        await Eventually.Async(
            async () => await admin.ScalarAsync<long>("select count(*) from pg_locks where relation = 'notes.notes'::regclass and not granted") > 0, TimeSpan.FromSeconds(60));
        await source.ExecuteAsync("insert into notes values (1, 'written meanwhile')").WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.False(migration.IsCompleted);

        await reading.RollbackAsync(Stop);
        Assert.Equal(1, await migration.WaitAsync(TimeSpan.FromSeconds(60), Stop));
        Assert.True(await Migrator.IsCurrentAsync<NoteDbContext>(source, Stop));
    }

    [Fact]
    public async Task A_schema_without_a_known_migration_is_not_current()
    {
        await using var empty = await TestDatabase.CreateAsync();
        await Roles.EnsureAsync(empty.SuperuserConnection, NoteDbContext.Service, TestDatabase.PasswordOf(empty.SuperuserConnection, NoteDbContext.Service));
        await using var source = StoreRegistration.OpenSource(empty.ConnectionFor(NoteDbContext.Service));

        Assert.False(await Migrator.IsCurrentAsync<NoteDbContext>(source));

        var watch = Stopwatch.StartNew();
        await Migrator.MigrateAsync<NoteDbContext>(empty.SuperuserConnection);
        var first = watch.ElapsedMilliseconds;
        watch.Restart();
        await Migrator.MigrateAsync<NoteDbContext>(empty.SuperuserConnection);
        TestContext.Current.TestOutputHelper?.WriteLine($"first run {first} ms, nothing to do {watch.ElapsedMilliseconds} ms");
        Assert.True(await Migrator.IsCurrentAsync<NoteDbContext>(source));
    }

    [Fact]
    public async Task The_model_reads_rows_by_snake_case_names_in_the_services_schema()
    {
        await store.Source.ExecuteAsync("insert into notes values (77, 'found')");
        await using var context = new NoteDbContext(new DbContextOptionsBuilder<NoteDbContext>().UseNpgsql(store.Source).Options);

        Assert.Equal("found", (await context.Notes.SingleAsync(note => note.Id == 77)).NoteText);
    }

    [Fact]
    public async Task A_message_above_one_mebibyte_is_refused_by_the_outbox()
    {
        await using var batch = store.Source.CreateBatch();
        batch.BatchCommands.Add(Outbox.Insert([new(Guid.CreateVersion7(), "acme", "k", 1, "t", null, new byte[Envelope.BodyBytesMax + 1])]));

        var refused = await Assert.ThrowsAsync<PostgresException>(() => batch.ExecuteNonQueryAsync());

        Assert.Equal(PostgresErrorCodes.CheckViolation, refused.SqlState);
    }

    [Fact]
    public async Task A_server_whose_commits_are_durable_is_accepted_and_one_whose_are_not_is_refused()
    {
        await StoreChecks.RefuseUnsafeAsync(store.Source);
        var careless = new NpgsqlConnectionStringBuilder(store.Database.ConnectionFor(NoteDbContext.Service)) { Options = "-c synchronous_commit=off" };
        await using var source = NpgsqlDataSource.Create(careless.ConnectionString);

        var refused = await Assert.ThrowsAsync<UnsafeStoreException>(() => StoreChecks.RefuseUnsafeAsync(source));

        Assert.Contains("synchronous_commit", refused.Message, StringComparison.Ordinal);
    }

    private static async Task OpenAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
    }
}
