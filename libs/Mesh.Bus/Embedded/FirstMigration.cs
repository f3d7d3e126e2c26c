using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Bus.Embedded;

[DbContext(typeof(BusDbContext))]
[Migration("20261123000000_first")]
internal sealed class FirstMigration : Migration
{
    // state: 0 waits, 1 is claimed (until not_before), 2 is parked (since not_before).
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        create table subscription (
          consumer text not null,
          type text not null,
          primary key (type, consumer)
        );
        create table message (
          consumer text not null,
          id uuid not null,
          tenant_id text not null,
          key text not null,
          key_seq bigint not null,
          type text not null,
          traceparent text,
          body bytea not null check (octet_length(body) <= 1048576),
          state smallint not null default 0 check (state in (0, 1, 2)),
          not_before timestamptz not null default clock_timestamp(),
          attempts int not null default 0,
          error text,
          primary key (consumer, id)
        ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
        create index message_waiting on message (consumer, id) where state = 0;
        create index message_resting on message (consumer, not_before) where state = 0 and attempts > 0;
        create index message_claimed on message (consumer, not_before) where state = 1;
        create index message_parked on message (consumer, id) where state = 2;
        create index message_by_key on message (consumer, tenant_id, key, key_seq, id);
        """);
}
