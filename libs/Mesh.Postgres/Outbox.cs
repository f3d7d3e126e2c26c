using Npgsql;
using NpgsqlTypes;

namespace Mesh.Postgres;

/// <summary>The table through which facts leave a service: written in the transaction that makes them true.</summary>
public static class Outbox
{
    /// <summary>The table, for a migration of the service's own schema.</summary>
    /// <remarks>Sent rows are deleted, so every row is one that still has to leave, and both indexes stay small.</remarks>
    public const string Table = """
        create table outbox (
          id uuid not null primary key,
          tenant_id text not null,
          key text not null,
          key_seq bigint not null,
          type text not null,
          traceparent text,
          body bytea not null check (octet_length(body) <= 1048576),
          state smallint not null default 0 check (state in (0, 1)),
          created_at timestamptz not null default clock_timestamp(),
          not_before timestamptz not null default clock_timestamp(),
          claimed_until timestamptz,
          attempts int not null default 0
        ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
        create index outbox_waiting on outbox (id) where state = 0;
        create index outbox_claimed on outbox (claimed_until) where state = 1;
        create index outbox_by_key on outbox (tenant_id, key, key_seq, id);
        """;

    /// <summary>For a later migration: by which connection a row is claimed, so that the claims of a dead one end with it.</summary>
    public const string Claimant = "alter table outbox add column claimed_by int";

    /// <summary>For a later migration: the index by key is a plan for statements that look for a key, and for no other.</summary>
    /// <remarks>
    /// A plan that is made for an empty table may take any index that fits, however badly. Whether this one fits follows from its condition, which is
    /// always true and follows from <c>key = …</c> only (PostgreSQL 15, 11.8).
    /// </remarks>
    public const string KeyIndex = """
        drop index outbox_by_key;
        create index outbox_by_key on outbox (tenant_id, key, key_seq, id) where key is not null;
        """;

    /// <summary>
    /// A statement that writes messages from arrays, for a batch of the service's own: parameters are
    /// <c>@outbox_ids, @outbox_tenants, @outbox_keys, @outbox_seqs, @outbox_types, @outbox_traces, @outbox_bodies</c>
    /// (see <see cref="AddParameters"/>).
    /// </summary>
    public const string InsertArrays = """
        insert into outbox (id, tenant_id, key, key_seq, type, traceparent, body)
        select * from unnest(@outbox_ids, @outbox_tenants, @outbox_keys, @outbox_seqs, @outbox_types, @outbox_traces, @outbox_bodies)
        """;

    /// <summary>Fills the parameters of <see cref="InsertArrays"/>.</summary>
    public static void AddParameters(NpgsqlParameterCollection parameters, IReadOnlyCollection<Envelope> messages)
    {
        const NpgsqlDbType array = NpgsqlDbType.Array;
        parameters.Add(new("outbox_ids", array | NpgsqlDbType.Uuid) { Value = messages.Select(message => message.Id).ToArray() });
        parameters.Add(new("outbox_tenants", array | NpgsqlDbType.Text) { Value = messages.Select(message => message.Tenant).ToArray() });
        parameters.Add(new("outbox_keys", array | NpgsqlDbType.Text) { Value = messages.Select(message => message.Key).ToArray() });
        parameters.Add(new("outbox_seqs", array | NpgsqlDbType.Bigint) { Value = messages.Select(message => message.KeySequence).ToArray() });
        parameters.Add(new("outbox_types", array | NpgsqlDbType.Text) { Value = messages.Select(message => message.Type).ToArray() });
        parameters.Add(new("outbox_traces", array | NpgsqlDbType.Text) { Value = messages.Select(message => message.TraceParent).ToArray() });
        parameters.Add(new("outbox_bodies", array | NpgsqlDbType.Bytea) { Value = messages.Select(message => message.Body).ToArray() });
    }

    /// <summary>The insert as one command of an <see cref="NpgsqlBatch"/>.</summary>
    public static NpgsqlBatchCommand Insert(IReadOnlyCollection<Envelope> messages)
    {
        var command = new NpgsqlBatchCommand(InsertArrays);
        AddParameters(command.Parameters, messages);

        return command;
    }
}
