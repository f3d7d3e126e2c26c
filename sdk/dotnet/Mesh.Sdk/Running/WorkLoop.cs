using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Connection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mesh.Running;

/// <summary>Takes tasks while there is room, keeps their claims, and gives them back when the process stops.</summary>
internal sealed class WorkLoop(
    AgentSocket socket,
    AgentClient client,
    TaskRunner runner,
    AgentTable agents,
    MeshWorkerOptions options,
    IHostApplicationLifetime life,
    ILoggerFactory logs,
    TimeProvider clock) : BackgroundService
{
    private const int ItemsMax = 100;

    private static readonly TimeSpan ClaimLife = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<TaskRun, long> runs = new();
    private readonly SemaphoreSlim slots = new(options.Concurrency);
    private readonly ILogger log = logs.CreateLogger("Mesh.Worker");

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Problem() is { } problem)
        {
            throw new InvalidOperationException($"MeshWorkerOptions: {problem}");
        }

        if (agents.IsEmpty)
        {
            throw new InvalidOperationException("The worker has no agent; say AddMeshWorker().AddAgent<…>().");
        }

        socket.Open();
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        slots.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, socket.Lost);
        using var released = stoppingToken.Register(() => StopAll(new RunStop.Released()));
        using var lost = socket.Lost.Register(ConnectionLost);

        using var extended = new CancellationTokenSource();
        var extending = ExtendAsync(extended.Token);

        try
        {
            await PollAsync(over.Token);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
        catch (RefusedException e)
        {
            log.WorkRefused(e.Refusal.Name, e.Refusal.Message);
            StopAll(new RunStop.Released());
            End();
        }

        // All slots free: every run has ended, and its claim went back with it.
        for (var slot = 0; slot < options.Concurrency; slot++)
        {
            await slots.WaitAsync(CancellationToken.None);
        }

        await extended.CancelAsync();
        await extending;
    }

    private async Task PollAsync(CancellationToken stop)
    {
        while (true)
        {
            await slots.WaitAsync(stop);
            var free = 1;

            while (free < Math.Min(options.Concurrency, ItemsMax) && slots.Wait(0, CancellationToken.None))
            {
                free++;
            }

            try
            {
                var items = (await client.PollAsync(options.Name, free, () => runs.Keys.Select(run => run.Item.Claim), stop)).Items;

                foreach (var item in items)
                {
                    free--;
                    _ = RunAsync(item, stop);
                }
            }
            finally
            {
                if (free > 0)
                {
                    slots.Release(free);
                }
            }
        }
    }

    // Holds one slot, for as long as one task brings the next one.
    private async Task RunAsync(Agent.V1.WorkItem? item, CancellationToken stop)
    {
        try
        {
            while (item is not null)
            {
                var run = new TaskRun(item, client, options.Json);
                runs[run] = clock.GetTimestamp();

                // Stopped between the poll and here: the run must hear of it, too.
                if (stop.IsCancellationRequested)
                {
                    run.Stop(socket.Lost.IsCancellationRequested ? new RunStop.ClaimLost() : new RunStop.Released());
                }

                try
                {
                    item = await runner.RunAsync(run, () => !stop.IsCancellationRequested);
                }
                finally
                {
                    runs.TryRemove(run, out _);
                }
            }
        }
        catch (Exception e)
        {
            // The outermost loop of a slot: its task's claim runs out, the other tasks go on.
            log.WorkerFailed(e);
        }
        finally
        {
            slots.Release();
        }
    }

    private async Task ExtendAsync(CancellationToken stop)
    {
        using var ticks = new PeriodicTimer(options.ExtendEvery, clock);

        try
        {
            while (await ticks.WaitForNextTickAsync(stop))
            {
                var held = runs.Keys.ToList();
                var asked = clock.GetTimestamp();

                if (held.Count > 0)
                {
                    await ExtendAsync(held, asked, stop);
                }

                // Nobody answered for the life of a claim: somebody else may have it by now.
                foreach (var (run, _) in runs.Where(run => clock.GetElapsedTime(run.Value) >= ClaimLife))
                {
                    run.Stop(new RunStop.ClaimLost());
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private async Task ExtendAsync(List<TaskRun> held, long asked, CancellationToken stop)
    {
        try
        {
            var answer = await client.ExtendAsync(held.Select(run => run.Item.Claim), options.ExtendEvery, stop);

            foreach (var (run, claim) in held.Zip(answer.Claims))
            {
                switch (claim.State)
                {
                    case Agent.V1.ClaimStatus.Types.State.Lost:
                        run.Stop(new RunStop.ClaimLost());
                        break;

                    case Agent.V1.ClaimStatus.Types.State.CancelRequested:
                        Extended(run, asked);
                        run.Stop(new RunStop.CancelRequested());
                        break;

                    default:
                        Extended(run, asked);
                        break;
                }
            }
        }
        catch (RpcException) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stop);
        }
        catch (RpcException e)
        {
            var refusal = Refusal.Read(e);
            log.Repeated("ExtendClaim", refusal.Code, refusal.Reason, options.ExtendEvery);
        }
    }

    // Only while it still runs: a run that ended meanwhile must not come back.
    private void Extended(TaskRun run, long asked)
    {
        if (runs.TryGetValue(run, out var before))
        {
            runs.TryUpdate(run, asked, before);
        }
    }

    private void ConnectionLost()
    {
        log.ConnectionLost();
        StopAll(new RunStop.ClaimLost());
        End();
    }

    private void End()
    {
        Environment.ExitCode = 1;
        life.StopApplication();
    }

    private void StopAll(RunStop why)
    {
        foreach (var run in runs.Keys)
        {
            run.Stop(why);
        }
    }
}
