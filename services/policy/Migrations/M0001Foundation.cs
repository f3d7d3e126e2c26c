using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Policy.Migrations;

/// <summary>Definitions, principals, counters and approvals.</summary>
[DbContext(typeof(PolicyDbContext))]
[Migration("0001_foundation")]
internal sealed class M0001Foundation : Migration
{
    // Versions are never deleted: a running task keeps the ones that it started with.
    private const string Definitions = """
        create table manifest (
          tenant_id text not null,
          kind text not null,
          name text not null,
          digest text not null,
          canonical bytea not null,
          applied_by text not null,
          applied_at timestamptz not null default clock_timestamp(),
          primary key (tenant_id, kind, name, digest)
        );
        create table current_manifest (
          tenant_id text not null,
          kind text not null,
          name text not null,
          digest text not null,
          applied_at timestamptz not null default clock_timestamp(),
          primary key (tenant_id, kind, name),
          foreign key (tenant_id, kind, name, digest) references manifest
        );
        create table tool_definition (
          tenant_id text not null,
          tool text not null,
          tool_digest text not null,
          tool_manifest text not null,
          integration text not null,
          integration_manifest text not null,
          primary key (tenant_id, tool, tool_digest)
        );
        create table workflow_definition (
          tenant_id text not null,
          workflow text not null,
          workflow_version text not null,
          tools text[] not null,
          tool_digests text[] not null,
          primary key (tenant_id, workflow, workflow_version)
        );
        create table activation (
          tenant_id text not null primary key,
          version bigint not null
        );
        create index activation_by_version on activation (version);
        create table activation_clock (
          singleton boolean not null primary key default true check (singleton),
          version bigint not null
        );
        insert into activation_clock (version) values (0);
        """;

    private const string Access = """
        create table principal (
          id text not null primary key,
          kind smallint not null check (kind in (1, 2)),
          created_at timestamptz not null default clock_timestamp()
        );
        create table role_grant (
          principal text not null references principal,
          tenant_id text not null,
          role text not null,
          primary key (principal, tenant_id, role)
        );
        create table group_member (
          tenant_id text not null,
          group_name text not null,
          principal text not null references principal,
          primary key (tenant_id, group_name, principal)
        );
        create index group_member_by_principal on group_member (principal);
        create table token (
          id uuid not null primary key,
          hash bytea not null unique check (octet_length(hash) = 32),
          principal text not null references principal,
          note text not null,
          created_by text not null,
          created_at timestamptz not null default clock_timestamp(),
          expires_at timestamptz not null,
          revoked_at timestamptz
        );
        create index token_by_principal on token (principal);
        """;

    private const string Limits = """
        create table limit_counter (
          tenant_id text not null,
          counter bytea not null check (octet_length(counter) = 32),
          used_at timestamptz not null default clock_timestamp(),
          primary key (tenant_id, counter)
        ) with (fillfactor = 70);
        create table limit_bucket (
          tenant_id text not null,
          counter bytea not null,
          starts_at timestamptz not null,
          ends_at timestamptz not null,
          forgotten_at timestamptz not null,
          used bigint not null check (used >= 0),
          primary key (tenant_id, counter, starts_at, ends_at)
        ) with (fillfactor = 70);
        create index limit_bucket_by_age on limit_bucket (forgotten_at);
        create table reservation (
          tenant_id text not null,
          action_digest bytea not null check (octet_length(action_digest) = 32),
          counter bytea not null,
          dispatch int not null,
          bucket_starts_at timestamptz not null,
          bucket_ends_at timestamptz not null,
          amount bigint not null check (amount >= 0),
          state text not null check (state in ('reserved', 'kept', 'released')),
          reserved_at timestamptz not null default clock_timestamp(),
          forgotten_at timestamptz not null,
          primary key (tenant_id, action_digest, counter)
        );
        create index reservation_by_age on reservation (forgotten_at);
        """;

    // At most one approval per action can still lead to a dispatch.
    private const string Approvals = """
        create table approval (
          id uuid not null primary key,
          tenant_id text not null,
          action_digest bytea not null check (octet_length(action_digest) = 32),
          state text not null check (state in ('pending', 'approved', 'denied', 'expired', 'consumed')),
          task_id uuid not null,
          workflow text not null,
          step text not null,
          tool text not null,
          shown bytea not null,
          groups text[] not null,
          rules text[] not null,
          quorum int not null check (quorum = 1),
          excludes_initiator boolean not null,
          initiator text not null,
          created_at timestamptz not null default clock_timestamp(),
          expires_at timestamptz not null,
          decided_by text,
          decided_groups text[],
          decided_at timestamptz,
          decided_request text,
          reason text not null default '',
          consumed_dispatch int,
          revision int not null default 1
        );
        create unique index approval_open on approval (tenant_id, action_digest) where state in ('pending', 'approved', 'consumed');
        create index approval_by_action on approval (tenant_id, action_digest, id);
        create index approval_by_state on approval (tenant_id, state, id);
        create index approval_due on approval (expires_at) where state = 'pending';
        """;

    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Definitions);
        migrationBuilder.Sql(Access);
        migrationBuilder.Sql(Limits);
        migrationBuilder.Sql(Approvals);
        migrationBuilder.Sql(Outbox.Table);
        migrationBuilder.Sql(Inbox.Table);
    }
}
