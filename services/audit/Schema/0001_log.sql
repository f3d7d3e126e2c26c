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
    raise exception 'the audit log of % never shrinks', old.tenant_id using errcode = 'restrict_violation';
end $$;

create trigger leaf_is_append_only before update or delete on leaf for each row execute function refuse_change();
create trigger leaf_is_not_truncated before truncate on leaf execute function refuse_change();
create trigger node_is_append_only before update or delete on node for each row execute function refuse_change();
create trigger node_is_not_truncated before truncate on node execute function refuse_change();
create trigger checkpoint_is_append_only before update or delete on checkpoint for each row execute function refuse_change();
create trigger checkpoint_is_not_truncated before truncate on checkpoint execute function refuse_change();
-- The condition stands here and not in the function: every append grows a head, and a call costs more than the comparison.
create trigger log_head_only_grows before update on log_head for each row
    when (new.tenant_id <> old.tenant_id or new.size < old.size) execute function refuse_shrinking();
create trigger log_head_is_kept before delete on log_head for each row execute function refuse_change();
create trigger log_head_is_not_truncated before truncate on log_head execute function refuse_change();

-- Appends what a batch of submissions brings, in one transaction: all of a submission's leaves or none of them.
-- Each is answered alone, in their order: 'appended'; 'known' (the log says the same already); 'differs' (the log has another
-- intent for this dispatch); 'gap' (facts of the task are missing before it); 'conflict' (the log has other bytes in these places
-- of the journal). Of two intents for one dispatch the first is appended. The `l_` arrays hold the leaves, in the order of their
-- submissions; `l_submission` and `l_offset` say whose each is, and how many of it come before.
-- The caller MUST pass tenants in the same order as every other caller, or two batches wait for each other. It MUST pass one after
-- the other what is about one dispatch, and what is about one task, that by its places: the unique indexes refuse the whole batch
-- otherwise.
create function append(
    s_tenant text[], s_intent bytea[], s_terms bytea[], s_task uuid[], s_seq bigint[], s_count int[],
    l_submission int[], l_offset int[], l_leaf bytea[], l_hash bytea[], l_kind text[], l_time timestamptz[], l_task uuid[],
    l_payload bytea[], l_salt bytea[])
returns table (outcome text, first_index bigint, leaf_hash bytea, leaf_time timestamptz, last_seq bigint)
language plpgsql
-- A plan that was made when the table was small must not become a scan of the log.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $$
declare
    n int := 1;
    first_leaf int := 1;
    tenant text;
    old_size bigint;
    new_size bigint;
    -- The dispatch or the task that the submission before was about, if it was about one.
    intent bytea;
    terms bytea;
    task uuid;
    -- Where the first leaf of each submission goes; null when none of them goes anywhere.
    bases bigint[];
begin
    -- Checked here and not only at start: two of these can change by a reload, and then a commit proves nothing.
    if current_setting('fsync') <> 'on' or current_setting('full_page_writes') <> 'on'
        or current_setting('synchronous_commit') not in ('on', 'remote_apply') then
        raise exception 'commits of this server are not durable' using errcode = 'MA001';
    end if;

    -- One look-up after the other: a statement that judged the whole batch at once would take longer to start than these to run.
    while n <= cardinality(s_tenant) loop
        tenant := s_tenant[n];
        intent := null;
        task := null;

        -- What follows sees all that was committed before this lock was given. A checkpoint that refers to the row waits for none of it.
        select h.size into old_size from log_head h where h.tenant_id = tenant for no key update;

        if not found then
            insert into log_head (tenant_id) values (tenant) on conflict do nothing;
            select h.size into old_size from log_head h where h.tenant_id = tenant for no key update;
        end if;

        new_size := old_size;

        while s_tenant[n] = tenant loop
            outcome := 'appended';

            if s_intent[n] is not null then
                if s_intent[n] is distinct from intent then
                    select k.intent_terms, k.index, k.leaf_hash, k.time into terms, first_index, leaf_hash, leaf_time
                    from leaf k where k.tenant_id = tenant and k.intent = s_intent[n];
                end if;

                if terms is not null then
                    outcome := case when terms = s_terms[n] then 'known' else 'differs' end;
                else
                    terms := s_terms[n];
                    leaf_hash := l_hash[first_leaf];
                    leaf_time := l_time[first_leaf];
                end if;
            elsif s_seq[n] is not null then
                if s_task[n] is distinct from task then
                    select coalesce((
                        select f.task_seq from leaf f
                        where f.tenant_id = tenant and f.task_id = s_task[n] and f.task_seq is not null
                        order by f.task_seq desc limit 1), 0) into last_seq;
                end if;

                if s_seq[n] > last_seq + 1 then
                    outcome := 'gap';
                elsif s_seq[n] <= last_seq then
                    select case when count(*) = s_count[n] and bool_and(f.payload is not distinct from l_payload[first_leaf + f.task_seq - s_seq[n]])
                        then 'known' else 'conflict' end into outcome
                    from leaf f
                    where f.tenant_id = tenant and f.task_id = s_task[n] and f.task_seq between s_seq[n] and s_seq[n] + s_count[n] - 1;
                else
                    last_seq := last_seq + s_count[n];
                end if;
            end if;

            if outcome = 'appended' then
                bases[n] := new_size;
                first_index := new_size;
                new_size := new_size + s_count[n];
            elsif s_intent[n] is null then
                first_index := null;
            end if;

            return next;
            intent := s_intent[n];
            task := s_task[n];
            first_leaf := first_leaf + s_count[n];
            n := n + 1;
        end loop;

        if new_size > old_size then
            update log_head h set size = new_size where h.tenant_id = tenant;
        end if;
    end loop;

    if bases is not null then
        insert into leaf (tenant_id, index, leaf, leaf_hash, kind, time, task_id, task_seq, intent, intent_terms, salt, payload)
        select s_tenant[l_submission[l]], bases[l_submission[l]] + l_offset[l], l_leaf[l], l_hash[l], l_kind[l], l_time[l], l_task[l],
            s_seq[l_submission[l]] + l_offset[l], s_intent[l_submission[l]], s_terms[l_submission[l]], l_salt[l], l_payload[l]
        from generate_series(1, cardinality(l_leaf)) l
        where bases[l_submission[l]] is not null;
    end if;
end $$;

-- What default privileges gave is taken back. The head's size is all that the service may change.
revoke all on log_head, leaf, node, checkpoint from mesh_audit;
grant select, insert on log_head, leaf, node, checkpoint to mesh_audit;
grant update (size) on log_head to mesh_audit;
