using Grpc.Core;
using Mesh.Orchestrator.V1;

namespace Mesh.Toolrunner.Agents;

/// <summary>Keeps the process of one assignment running until it is taken back.</summary>
internal sealed class AgentLoop(
    Bundles bundles, AgentStarter starter, AgentsFile file, WorkService.WorkServiceClient orchestrator, IHostApplicationLifetime life, ILogger<AgentLoop> log)
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan GoodRun = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ClaimLife = TimeSpan.FromSeconds(30);

    public async Task RunAsync(Assignment assignment, CancellationToken stop)
    {
        var pause = PauseMin;

        while (!stop.IsCancellationRequested)
        {
            var started = TimeProvider.System.GetTimestamp();

            try
            {
                await RunOnceAsync(assignment, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or BundleRefusedException or UnauthorizedAccessException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                log.AgentNotStarted(assignment.Key, e.Message, pause);
            }
            catch (RpcException e)
            {
                log.AgentNotStarted(assignment.Key, $"the orchestrator did not hand out its bundle ({e.StatusCode}).", pause);
            }
            catch (Exception e)
            {
                // The outermost loop of an agent.
                log.AgentLoopFailed(e, assignment.Key);
            }

            // One that worked for a while and died starts again at once; one that cannot start is not tried in a circle.
            pause = TimeProvider.System.GetElapsedTime(started) > GoodRun ? PauseMin : pause;

            if (!await PauseAsync(pause, stop))
            {
                return;
            }

            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
    }

    private async Task RunOnceAsync(Assignment assignment, CancellationToken stop)
    {
        var folder = await bundles.ReadyAsync(assignment.Tenant, assignment.Bundle, stop);
        using var running = await starter.StartAsync(assignment, folder);
        var agent = running.Agent;
        log.AgentStarted(agent.Instance, assignment.Key, running.Pid);
        using var counted = AgentMetrics.Count();
        file.Add(running);

        var cause = await running.EndedAsync(stop);

        // Taken back: it may finish what it is at. Otherwise its tasks are somebody else's at once, while the rest is tidied up.
        var told = stop.IsCancellationRequested ? null : CutAndTellAsync();

        if (await running.StopAsync())
        {
            log.AgentKilled(agent.Instance);
        }

        told ??= CutAndTellAsync();

        if (stop.IsCancellationRequested)
        {
            log.AgentTakenBack(agent.Instance, assignment.Key, cause);
        }
        else
        {
            log.AgentEnded(agent.Instance, assignment.Key, cause);
        }

        file.Remove(running);

        if (!await Scratch.RemoveAsync(running.Scratch))
        {
            log.AgentRemains(agent.Instance, running.Scratch);
        }

        await told;

        // In this order: whoever holds the socket still would take part in what is somebody else's now.
        Task CutAndTellAsync()
        {
            running.Cut();
            return TellAsync(agent, cause);
        }
    }

    // Within the life of a claim; after that there is nothing to tell. A runner that stops says it once more for all, as it leaves.
    private async Task TellAsync(Agent agent, string cause)
    {
        var request = new EndAgentRequest { Agent = Intake.AgentWire.Write(agent), Cause = cause };
        var started = TimeProvider.System.GetTimestamp();

        for (var pause = PauseMin; TimeProvider.System.GetElapsedTime(started) < ClaimLife; pause *= 2)
        {
            try
            {
                await orchestrator.EndAgentAsync(request, deadline: DateTime.UtcNow.AddSeconds(2));
                return;
            }
            catch (RpcException)
            {
                if (!await PauseAsync(pause, life.ApplicationStopping))
                {
                    break;
                }
            }
        }

        log.AgentEndUntold(agent.Instance);
    }

    private static async Task<bool> PauseAsync(TimeSpan pause, CancellationToken stop)
    {
        try
        {
            await Task.Delay(pause, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
