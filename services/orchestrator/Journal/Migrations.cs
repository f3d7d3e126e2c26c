using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Mesh.Orchestrator.Journal;

/// <summary>The orchestrator's schema.</summary>
internal sealed class OrchestratorDb(DbContextOptions<OrchestratorDb> options) : MeshDbContext(options, "orchestrator");

/// <summary>Tasks and their journal, the catalog of manifests, bundles, assignments, outbox and inbox.</summary>
[DbContext(typeof(OrchestratorDb))]
[Migration("0001_initial")]
internal sealed class Initial : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql($$"""
            create table task(
              tenant_id text not null,
              id uuid not null,
              workflow text not null,
              workflow_version text not null,
              initiator text not null,
              state smallint not null,
              epoch bigint not null,
              seq bigint not null,
              attempt int not null,
              steps int not null,
              claim_hash bytea,
              claim_instance text,
              claim_until timestamptz,
              ended_claim_hash bytea,
              failures int not null default 0,
              deadline timestamptz not null,
              cancel_requested boolean not null default false,
              waits_on text,
              not_before timestamptz,
              reason text not null default '',
              message text not null default '',
              created_at timestamptz not null,
              ended_at timestamptz,
              traceparent text,
              tools_done text[] not null default '{}'
            ) with (fillfactor = 70);

            -- Live rows only: what polls and recovery look for costs the same however many tasks have ended.
            create index task_ready on task(tenant_id, workflow, workflow_version, created_at) where state = {{(short)TaskState.Ready}};
            create index task_running on task(tenant_id, workflow, workflow_version) where state = {{(short)TaskState.Running}};
            create index task_live on task(deadline) where state < {{(short)TaskState.Completed}};
            create index task_backing_off on task(not_before) where state = {{(short)TaskState.BackingOff}};
            create index task_to_cancel on task(deadline) where state < {{(short)TaskState.Completed}} and cancel_requested;

            -- For people: the newest first, and by the last digits.
            create index task_newest on task(tenant_id, created_at, id);
            create index task_short on task(right(id::text, 8), tenant_id);

            -- Last: for an empty table all indexes cost the same, the planner takes the newest, and the plan is kept.
            alter table task add primary key (tenant_id, id);

            -- What was to be changed is not as it was seen: nothing of the transaction may stand.
            create function require(changed bigint, wanted bigint) returns void language plpgsql as $$
            begin
              if changed <> wanted then
                raise exception 'only % of % rows are as they were seen', changed, wanted using errcode = 'serialization_failure';
              end if;
            end $$;

            create table journal(
              tenant_id text not null,
              task_id uuid not null,
              seq bigint not null,
              step text not null,
              step_fact int not null,
              branch text,
              position int,
              kind text not null,
              body bytea not null,
              primary key (tenant_id, task_id, seq)
            );
            create unique index journal_step on journal(tenant_id, task_id, step, step_fact) where step <> '';
            create unique index journal_position on journal(tenant_id, task_id, branch, position) where position is not null;

            -- What came before anybody waited for it. Taken when the task parks on it.
            create table arrival(
              tenant_id text not null,
              task_id uuid not null,
              name text not null,
              because text not null,
              primary key (tenant_id, task_id, name)
            );

            create table request(
              tenant_id text not null,
              key text not null,
              body_digest bytea not null,
              task_id uuid not null,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, key)
            );
            create index request_age on request(created_at);

            create table manifest(
              tenant_id text not null,
              kind text not null,
              name text not null,
              digest text not null,
              canonical bytea not null,
              applied_at timestamptz not null default clock_timestamp(),
              applied_by text not null,
              primary key (tenant_id, kind, name)
            );

            -- Definitions are found by their digest and never change: a running task keeps those that it started with.
            create table tool_definition(
              tenant_id text not null,
              tool text not null,
              tool_digest text not null,
              tool_spec bytea not null,
              integration text not null,
              integration_spec bytea not null,
              primary key (tenant_id, tool, tool_digest)
            );
            create table workflow_version(
              tenant_id text not null,
              workflow text not null,
              version text not null,
              spec bytea not null,
              tools text[] not null,
              tool_digests text[] not null,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, workflow, version)
            );
            create table workflow_current(
              tenant_id text not null,
              workflow text not null,
              version text not null,
              primary key (tenant_id, workflow)
            );

            create table bundle(
              tenant_id text not null,
              digest text not null,
              bytes bytea not null,
              created_at timestamptz not null default clock_timestamp(),
              primary key (tenant_id, digest)
            );
            alter table bundle alter column bytes set storage external;

            create table assignment(
              tenant_id text not null,
              workflow text not null,
              version text not null,
              runner_instance text not null,
              runner_address text not null,
              alive_until timestamptz not null,
              needed_at timestamptz not null,
              primary key (tenant_id, workflow, version)
            );
            """);
        migrationBuilder.Sql(Outbox.Table);
        migrationBuilder.Sql(Inbox.Table);
    }
}
