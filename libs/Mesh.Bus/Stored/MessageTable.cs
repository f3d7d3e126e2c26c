using Mesh.Postgres;

namespace Mesh.Bus.Stored;

/// <summary>The table in which messages wait for their consumers, for whichever migration makes one.</summary>
internal static class MessageTable
{
    /// <summary>The table and its indices, under a name of this code's.</summary>
    /// <remarks>state: 0 waits, 1 is claimed (until not_before), 2 is parked (since not_before).</remarks>
    public static string Of(string name) => $"""
        create table {name} (
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
        create index {name}_waiting on {name} (consumer, id) where state = 0;
        create index {name}_resting on {name} (consumer, not_before) where state = 0 and attempts > 0;
        create index {name}_claimed on {name} (consumer, not_before) where state = 1;
        create index {name}_parked on {name} (consumer, id) where state = 2;
        create index {name}_by_key on {name} (consumer, tenant_id, key, key_seq, id);
        """;

    /// <summary>For a later migration: by which connection a row is claimed, so that the claims of a dead one end with it.</summary>
    public static string ClaimantOf(string name) => $"alter table {name} add column claimed_by int";

    /// <summary>For a later migration: as <see cref="Outbox.KeyIndex"/>, and the index by id is for statements that look for ids.</summary>
    /// <remarks>It stands in for the primary key, except where a publication asks which row was changed: there the whole row says so.</remarks>
    public static string KeyIndexOf(string name) => $"""
        drop index {name}_by_key;
        create index {name}_by_key on {name} (consumer, tenant_id, key, key_seq, id) where key is not null;
        alter table {name} drop constraint {name}_pkey;
        create unique index {name}_by_id on {name} (id, consumer) where id is not null;
        alter table {name} replica identity full;
        """;
}
