using Mesh.Postgres;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Vault.Store;

/// <summary>The first schema of the vault.</summary>
[DbContext(typeof(VaultDbContext))]
[Migration("20260101000000_Initial")]
internal sealed class Initial : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(
            """
            -- One row: which installation this is, and the pepper, whose opening proves the root key.
            create table vault.seal (
              only_row boolean primary key default true check (only_row),
              instance_id uuid not null,
              root_key_id uuid not null,
              pepper bytea not null,
              created_at timestamptz not null default clock_timestamp());

            create table vault.tenant_key (
              tenant_id text not null,
              key_id uuid not null,
              wrapped bytea not null,
              wraps bigint not null default 0,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, key_id));

            create table vault.secret (
              tenant_id text not null,
              integration text not null,
              name text not null,
              version bigint not null,
              created_at timestamptz not null default clock_timestamp(),
              updated_at timestamptz not null default clock_timestamp(),
              updated_by text not null,
              primary key (tenant_id, integration, name));

            create table vault.secret_version (
              tenant_id text not null,
              integration text not null,
              name text not null,
              version bigint not null,
              key_id uuid not null,
              data_key bytea not null,
              value bytea not null,
              created_at timestamptz not null default clock_timestamp(),
              created_by text not null,
              request_id text not null,
              primary key (tenant_id, integration, name, version));
            create unique index secret_version_request on vault.secret_version (tenant_id, request_id) where request_id <> '';

            -- The vault's own copies of what users declare. Definitions are found by digest and never deleted.
            create table vault.manifest (
              tenant_id text not null,
              kind text not null,
              name text not null,
              digest text not null,
              canonical bytea not null,
              applied_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, kind, name));

            create table vault.tool_definition (
              tenant_id text not null,
              tool text not null,
              tool_digest text not null,
              tool_canonical bytea not null,
              integration_canonical bytea,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, tool, tool_digest));

            create table vault.workflow_version (
              tenant_id text not null,
              workflow text not null,
              workflow_version text not null,
              tools jsonb not null,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, workflow, workflow_version));

            -- Unlogged: a crash of the server empties both tables together, and a row that is lost counts as redeemed.
            -- The first generation has nothing before it. Later ones are made by whoever finds the table empty.
            create unlogged table vault.generation (
              only_row boolean primary key default true check (only_row),
              refuse_before timestamptz not null);
            insert into vault.generation (refuse_before) values (clock_timestamp());

            create unlogged table vault.lease (
              token_mac bytea primary key,
              lease_id uuid not null,
              tenant_id text not null,
              workflow text not null,
              task_id uuid not null,
              action_digest bytea not null,
              dispatch int not null,
              epoch bigint not null,
              redeemer text not null,
              state smallint not null default 0,
              issued_at timestamptz not null,
              expires_at timestamptz not null,
              redeemed_at timestamptz,
              runner_instance text,
              runner_address text,
              receipt_origin text,
              receipt_index bigint,
              decision_id uuid,
              reported boolean not null default false);
            -- The first is looked at first: a used receipt is called used, and another one of a used dispatch is told apart from it.
            create unique index lease_receipt on vault.lease (receipt_origin, receipt_index) where receipt_index is not null;
            create unique index lease_redeemed on vault.lease (tenant_id, task_id, action_digest, dispatch) where state = 1;
            create index lease_dispatch on vault.lease (tenant_id, task_id, action_digest, dispatch);
            create index lease_age on vault.lease (issued_at);

            -- A task's fence has no digest and dispatch 0.
            create table vault.fence (
              tenant_id text not null,
              task_id uuid not null,
              action_digest bytea not null,
              dispatch int not null,
              epoch bigint not null,
              fenced_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, task_id, action_digest, dispatch));
            create index fence_age on vault.fence (fenced_at);
            """);

        migrationBuilder.Sql(Outbox.Table);
    }
}
