-- One log per tenant, and `_platform` for what belongs to none. Rows are inserted and never change: the service role may
-- insert and select, the triggers below refuse the rest to the owner too. That is a guard rail; the proof is the tree.

create table log_head (
    tenant_id text primary key check (tenant_id ~ '^(_platform|[a-z][a-z0-9-]{0,62})$'),
    -- How many leaves the log has, and so the index of the next one. Its row lock orders the appends of all replicas.
    size bigint not null default 0 check (size >= 0)
);

create table leaf (
    -- Not a foreign key: only append() writes here, after it has locked the head, and a check per leaf would cost more than the leaf.
    tenant_id text not null,
    index bigint not null check (index >= 0),
    -- Canonical JSON. `payload_sha256` in it commits to salt and payload.
    leaf bytea not null check (octet_length(leaf) <= 16384),
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
    kind text not null,
    time timestamptz not null,
    task_id uuid,
    -- The place of a task's fact in the task's journal.
    task_seq bigint,
    -- SHA-256 over the dispatch that an intent announces, so that a repeat finds its entry, and over what the entry says about it.
    intent bytea check (octet_length(intent) = 32),
    intent_terms bytea check (octet_length(intent_terms) = 32),
    salt bytea not null check (octet_length(salt) = 32),
    payload bytea,
    primary key (tenant_id, index),
    check ((intent is null) = (intent_terms is null))
);

create unique index leaf_intent on leaf (tenant_id, intent) where intent is not null;
create unique index leaf_task_seq on leaf (tenant_id, task_id, task_seq) where task_seq is not null;
create index leaf_task on leaf (tenant_id, task_id, index) where task_id is not null;

-- Roots of complete subtrees, of every fourth level only: one more row for fifteen leaves, and a proof reads at most eight
-- neighbours where it needs one hash between two levels.
create table node (
    tenant_id text not null,
    level smallint not null check (level > 0 and level % 4 = 0),
    index bigint not null check (index >= 0),
    hash bytea not null check (octet_length(hash) = 32),
    primary key (tenant_id, level, index)
);

create table checkpoint (
    tenant_id text not null references log_head,
    size bigint not null check (size > 0),
    -- Each checkpoint extends exactly one: two replicas cannot both sign a successor.
    previous_size bigint not null check (previous_size >= 0 and previous_size < size),
    note bytea not null,
    -- The right edge of the tree at this size, from which the next one grows.
    frontier bytea not null,
    signed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, size),
    unique (tenant_id, previous_size)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only: % of % is refused', lower(tg_op), tg_table_name
        using errcode = 'restrict_violation';
end $$;

create function refuse_shrinking() returns trigger language plpgsql as $$
begin
    if new.tenant_id <> old.tenant_id or new.size < old.size then
        raise exception 'the audit log of % never shrinks', old.tenant_id using errcode = 'restrict_violation';
    end if;

    return new;
end $$;

create trigger leaf_is_append_only before update or delete on leaf for each row execute function refuse_change();
create trigger leaf_is_not_truncated before truncate on leaf execute function refuse_change();
create trigger node_is_append_only before update or delete on node for each row execute function refuse_change();
create trigger node_is_not_truncated before truncate on node execute function refuse_change();
create trigger checkpoint_is_append_only before update or delete on checkpoint for each row execute function refuse_change();
create trigger checkpoint_is_not_truncated before truncate on checkpoint execute function refuse_change();
create trigger log_head_only_grows before update on log_head for each row execute function refuse_shrinking();
create trigger log_head_is_kept before delete on log_head for each row execute function refuse_change();
create trigger log_head_is_not_truncated before truncate on log_head execute function refuse_change();

-- Whether the places of these facts in the task's journal hold exactly these bytes.
create function same_facts(of_tenant text, of_task uuid, from_seq bigint, facts int, payloads bytea[], submissions int[], n int)
returns boolean language sql stable as $$
    select count(*) = facts and bool_and(f.payload is not distinct from p.payload)
    from (
        select payload, row_number() over (order by at) - 1 as at
        from unnest(payloads, submissions) with ordinality as u (payload, submission, at)
        where submission = n) p
    join leaf f on f.tenant_id = of_tenant and f.task_id = of_task and f.task_seq = from_seq + p.at
$$;

-- Appends what a batch of submissions brings, in one transaction: all of a submission's leaves or none of them.
-- Each is answered alone: 'appended'; 'known' (the log says the same already); 'differs' (the log has another intent for this
-- dispatch); 'gap' (facts of the task are missing before it); 'conflict' (the log has other bytes in these places of the
-- journal). Of two intents for one dispatch the first is appended. The caller MUST NOT pass the same intent twice.
create function append(
    s_tenant text[], s_intent bytea[], s_terms bytea[], s_task uuid[], s_seq bigint[], s_count int[],
    l_submission int[], l_offset int[], l_tenant text[], l_leaf bytea[], l_hash bytea[], l_kind text[],
    l_time timestamptz[], l_task uuid[], l_payload bytea[], l_salt bytea[])
returns table (outcome text, first_index bigint, leaf_hash bytea, leaf_time timestamptz, last_seq bigint)
language plpgsql
-- A plan that was made when the table was small must not become a scan of the log.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $$
declare
    outcomes text[];
    bases bigint[];
    lasts bigint[];
begin
    -- Checked here and not only at start: two of these can change by a reload, and then a commit proves nothing.
    if current_setting('fsync') <> 'on' or current_setting('full_page_writes') <> 'on'
        or current_setting('synchronous_commit') not in ('on', 'remote_apply') then
        raise exception 'commits of this server are not durable' using errcode = 'MA001';
    end if;

    insert into log_head (tenant_id)
    select distinct t from unnest(s_tenant) t
    where not exists (select from log_head h where h.tenant_id = t)
    order by t
    on conflict do nothing;

    -- In the order of names, so that two batches never wait for each other. What follows sees all that was committed before.
    perform from log_head h where h.tenant_id = any (s_tenant) order by h.tenant_id for update;

    with submission as (
        select s.*,
            case when s.seq is not null then coalesce((
                select f.task_seq from leaf f
                where f.tenant_id = s.tenant and f.task_id = s.task and f.task_seq is not null
                order by f.task_seq desc limit 1), 0) end as last
        from unnest(s_tenant, s_intent, s_terms, s_task, s_seq, s_count) with ordinality
            as s (tenant, intent, terms, task, seq, count, n)
    ), seen as (
        select s.*,
            case when s.intent is not null then (
                select k.intent_terms from leaf k where k.tenant_id = s.tenant and k.intent = s.intent) end as known_terms,
            s.intent is not null and row_number() over (partition by s.tenant, s.intent order by s.n) > 1 as is_second,
            coalesce(s.seq <= s.last, false) as is_past
        from submission s
    ), placed as (
        select s.*,
            -- Facts of one task keep their order, even if their messages came in another one.
            case when s.seq is null then s.n else min(s.n) over (partition by s.tenant, s.task) end as turn,
            s.seq - coalesce(sum(s.count) filter (where s.known_terms is null and not s.is_past) over (
                partition by s.tenant, s.task order by s.seq, s.n rows between unbounded preceding and 1 preceding), 0)
                as seq_without_batch
        from seen s
    ), judged as (
        select p.*, case
            when p.known_terms = p.terms then 'known'
            when p.known_terms is not null or p.is_second then 'differs'
            when p.is_past and same_facts(p.tenant, p.task, p.seq, p.count, l_payload, l_submission, p.n::int) then 'known'
            when p.is_past then 'conflict'
            when p.seq_without_batch > p.last + 1 then 'gap'
            when p.seq_without_batch < p.last + 1 then 'conflict'
            else 'appended' end as verdict
        from placed p
    ), numbered as (
        select j.*, (select h.size from log_head h where h.tenant_id = j.tenant)
            + sum(case when j.verdict = 'appended' then j.count else 0 end) over (
                partition by j.tenant order by j.turn, j.seq, j.n rows unbounded preceding) - j.count as base
        from judged j
    )
    select array_agg(verdict order by n), array_agg(base order by n), array_agg(last order by n)
    into outcomes, bases, lasts
    from numbered;

    insert into leaf (tenant_id, index, leaf, leaf_hash, kind, time, task_id, task_seq, intent, intent_terms, salt, payload)
    select l.tenant, bases[l.s] + l.at, l.leaf, l.hash, l.kind, l.time, l.task, s_seq[l.s] + l.at, s_intent[l.s], s_terms[l.s], l.salt, l.payload
    from unnest(l_submission, l_offset, l_tenant, l_leaf, l_hash, l_kind, l_time, l_task, l_payload, l_salt)
        as l (s, at, tenant, leaf, hash, kind, time, task, payload, salt)
    where outcomes[l.s] = 'appended';

    update log_head h set size = h.size + grown.leaves
    from (
        select s.tenant, sum(s.count) as leaves
        from unnest(s_tenant, s_count, outcomes) as s (tenant, count, verdict)
        where s.verdict = 'appended'
        group by s.tenant) grown
    where h.tenant_id = grown.tenant;

    return query
    select r.verdict,
        case when r.verdict = 'appended' then r.base else k.index end, k.leaf_hash, k.time, r.last
    from unnest(outcomes, bases, lasts, s_tenant, s_intent) with ordinality as r (verdict, base, last, tenant, intent, n)
    left join lateral (
        select f.index, f.leaf_hash, f.time from leaf f
        where r.verdict = 'known' and f.tenant_id = r.tenant and f.intent = r.intent) k on true
    order by r.n;
end $$;

-- What default privileges gave is taken back. The head's size is all that the service may change.
revoke all on log_head, leaf, node, checkpoint from mesh_audit;
grant select, insert on log_head, leaf, node, checkpoint to mesh_audit;
grant update (size) on log_head to mesh_audit;
