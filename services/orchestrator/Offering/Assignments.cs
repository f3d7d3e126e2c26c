using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mesh.Manifests.Kinds;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Offering;

/// <summary>Says which tool runner runs the agent of which workflow version: one runner each, while there is work for it.</summary>
/// <remarks>
/// An agent is started when a task is ready and stopped after it had nothing to do for a while: a parked task holds no
/// process, and a hundred declared workflows cost nothing.
/// </remarks>
internal sealed class Assignments(
    JournalStore store, Catalog catalog, ClaimKeeper claims, ReplicaHints others, OrchestratorOptions options, IHostApplicationLifetime life, TimeProvider clock)
{
    private static readonly TimeSpan PollMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AliveFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(100);

    // What a runner keeps: alive again, and needed again where a task is ready or running.
    // What it gets: versions with a ready task that no live runner has. Two that ask at once begin at different ones.
    internal static readonly string Assign =
        $"""
        with recursive {TaskRows.WorkflowsWith("ready", TaskState.Ready)},
        {TaskRows.WorkflowsWith("running", TaskState.Running)},
        needed(tenant_id, workflow, version) as (
          select * from ready union select * from running
        ), gone as (
          delete from orchestrator.assignment a
          where a.needed_at < clock_timestamp() - $3 and a.runner_instance = $1
            and not exists (select 1 from needed n where n.tenant_id = a.tenant_id and n.workflow = a.workflow and n.version = a.version)
          returning a.tenant_id, a.workflow, a.version
        ), kept as (
          update orchestrator.assignment a set alive_until = clock_timestamp() + $4, runner_address = $2,
            needed_at = case when exists (select 1 from needed n
              where n.tenant_id = a.tenant_id and n.workflow = a.workflow and n.version = a.version)
              then clock_timestamp() else a.needed_at end
          where a.runner_instance = $1 and not exists (
            select 1 from gone g where g.tenant_id = a.tenant_id and g.workflow = a.workflow and g.version = a.version)
          returning a.tenant_id, a.workflow, a.version
        ), taken as (
          insert into orchestrator.assignment(tenant_id, workflow, version, runner_instance, runner_address, alive_until, needed_at)
          select n.tenant_id, n.workflow, n.version, $1, $2, clock_timestamp() + $4, clock_timestamp() from needed n
          where not exists (select 1 from orchestrator.assignment a
            where a.tenant_id = n.tenant_id and a.workflow = n.workflow and a.version = n.version
              and (a.alive_until >= clock_timestamp() or a.runner_instance = $1))
          order by md5($1 || n.version), n.tenant_id, n.workflow limit $5
          on conflict (tenant_id, workflow, version) do update
            set runner_instance = excluded.runner_instance, runner_address = excluded.runner_address,
                alive_until = excluded.alive_until, needed_at = excluded.needed_at
            where orchestrator.assignment.alive_until < clock_timestamp()
          returning tenant_id, workflow, version
        )
        select * from kept union select * from taken order by 1, 2, 3
        """;

    // A runner that has agents leaves the next one to those that have fewer: so long that they have looked, who look again after the
    // spacing only, and a little longer for each more that it has.
    private static readonly TimeSpan Courtesy = Spacing + TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan CourtesyStep = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan CourtesyMax = TimeSpan.FromMilliseconds(600);

    // Who asks another replica is not known here at first, and maybe there is nobody: beyond so many agents that is the answer.
    private const int ForStrangersMax = 3;

    private readonly ConcurrentDictionary<string, Runner> runners = new();
    private volatile TaskCompletionSource stirred = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Called when a task became ready and no agent waits for it here.</summary>
    public void Stir() => Interlocked.Exchange(
        ref stirred, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    public async Task<V1.AssignAgentsResponse> WaitAsync(V1.AssignAgentsRequest request, CancellationToken stop)
    {
        if (request.Leaving)
        {
            await LeaveAsync(request, stop);

            return new V1.AssignAgentsResponse();
        }

        var until = clock.GetUtcNow() + PollMax;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop, life.ApplicationStopping);
        await EndPredecessorAsync(request, stop);

        while (true)
        {
            var signal = stirred.Task;
            var looked = clock.GetTimestamp();
            var response = await AssignAsync(request, stop);

            if (response.Etag != request.Etag)
            {
                return response;
            }

            try
            {
                // What another replica accepted is found by the shared loop, which stirs.
                await signal.WaitAsync(Left(), clock, ending.Token);

                // A look costs a statement. Under a load there is always a task that nobody waits for at that moment.
                if (Spacing - clock.GetElapsedTime(looked) is var early && early > TimeSpan.Zero)
                {
                    await Task.Delay(early, clock, ending.Token);
                }
            }
            catch (TimeoutException)
            {
                return response;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // This replica stops, and the runner asks another one.
                return response;
            }
        }

        TimeSpan Left() => until - clock.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    // Two processes cannot listen at one address: whoever was there before this runner is gone, and so are its agents. Their
    // tasks are offered again now, not when their claims run out.
    private async Task EndPredecessorAsync(V1.AssignAgentsRequest request, CancellationToken stop)
    {
        // Once for each runner: those who were there before it cannot come back.
        if (runners.TryGetValue(request.RunnerAddress, out var known) && known.Instance == request.RunnerInstance)
        {
            runners[request.RunnerAddress] = Seen(request);

            return;
        }

        await ReleaseAsync("runner_address = $2 and runner_instance <> $1", stop, request.RunnerInstance, request.RunnerAddress);
        runners[request.RunnerAddress] = Seen(request);
    }

    // Its agents have ended. Who runs them next is found now, not when it would be taken for dead.
    private async Task LeaveAsync(V1.AssignAgentsRequest request, CancellationToken stop)
    {
        await ReleaseAsync("runner_instance = $1", stop, request.RunnerInstance);
        runners.TryRemove(request.RunnerAddress, out _);
        Stir();
    }

    // Of runners that are gone, and their agents with them.
    private async Task ReleaseAsync(string which, CancellationToken stop, params object[] parameters)
    {
        await using var command = store.Command($"delete from orchestrator.assignment where {which} returning tenant_id, workflow, version", parameters);

        foreach (var workflow in await ReadKeysAsync(command, stop))
        {
            await claims.EndAgentsOfAsync(workflow, stop);
        }
    }

    private Runner Seen(V1.AssignAgentsRequest request) => new(request.RunnerInstance, request.Running.Count, request.Capacity > 0, clock.GetTimestamp());

    // Another runner has room for an agent, and has not more of them; or it may ask another replica.
    private bool AnotherMayTakeIt(V1.AssignAgentsRequest request) => (others.HasOthers && request.Running.Count <= ForStrangersMax) || runners.Any(other =>
        other.Key != request.RunnerAddress
        && other.Value.HasRoom
        && other.Value.Agents <= request.Running.Count
        && clock.GetElapsedTime(other.Value.At) < AliveFor);

    private static async Task<IReadOnlyList<WorkflowKey>> ReadKeysAsync(NpgsqlCommand command, CancellationToken stop)
    {
        var keys = new List<WorkflowKey>();
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            keys.Add(new WorkflowKey(rows.GetString(0), rows.GetString(1), rows.GetString(2)));
        }

        return keys;
    }

    private async Task<V1.AssignAgentsResponse> AssignAsync(V1.AssignAgentsRequest request, CancellationToken stop)
    {
        var atMost = Math.Max(0, request.Capacity);

        if (atMost > 0 && AnotherMayTakeIt(request))
        {
            // One by one, so that a few agents do not all end up with whoever asked first.
            atMost = 1;
            var courtesy = request.Running.Count == 0 ? TimeSpan.Zero : Courtesy + (CourtesyStep * (request.Running.Count - 1));
            await Task.Delay(courtesy < CourtesyMax ? courtesy : CourtesyMax, clock, stop);
        }

        return await DescribeAsync(await store.ReadAsync(
            Assign, ReadKeysAsync, stop, request.RunnerInstance, request.RunnerAddress, options.AgentIdle, AliveFor, atMost), stop);
    }

    private async Task<V1.AssignAgentsResponse> DescribeAsync(IReadOnlyList<WorkflowKey> keys, CancellationToken stop)
    {
        var response = new V1.AssignAgentsResponse();
        var etag = new StringBuilder();

        foreach (var key in keys)
        {
            if (await catalog.FindAsync(key, stop) is { Manifest.Agent: AgentProcess { Bundle: { } bundle } agent })
            {
                response.Assignments.Add(new V1.AgentAssignment
                {
                    Tenant = key.Tenant,
                    Workflow = key.Workflow,
                    WorkflowVersion = key.Version,
                    Bundle = bundle,
                    Command = { agent.Command },
                });
                etag.Append(key.Tenant).Append('/').Append(key.Workflow).Append('/').Append(key.Version).Append('\n');
            }
        }

        response.Etag = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(etag.ToString())).AsSpan(0, 8));

        return response;
    }

    // A tool runner as it asked last.
    private sealed record Runner(string Instance, int Agents, bool HasRoom, long At);
}
