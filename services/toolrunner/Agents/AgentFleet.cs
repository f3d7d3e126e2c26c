using Grpc.Core;
using Mesh.Orchestrator.V1;

namespace Mesh.Toolrunner.Agents;

/// <summary>Asks the orchestrator which agents to run, starts what is missing and stops what is not listed.</summary>
internal sealed class AgentFleet(
    AssignmentService.AssignmentServiceClient orchestrator, AgentLoop loop, AgentsFile file, RunnerIdentity self, RunnerOptions options,
    IHostApplicationLifetime life, ILogger<AgentFleet> log) : BackgroundService
{
    // The orchestrator answers after 10 s at the latest.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    // A node stops within seconds, its orchestrator maybe first.
    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Kept> kept = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Agents end first, so that others run them while the calls of this one are finished.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, life.ApplicationStopping);
        file.Clear();

        if (await Scratch.SweepAsync(options.Data) is > 0 and var withstood)
        {
            log.RemainsWithstood(withstood, options.Data);
        }

        try
        {
            await StartedAsync(ending.Token);
            await FollowAsync(ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The host stops.
        }
        finally
        {
            foreach (var agent in kept.Values)
            {
                await agent.Stop.CancelAsync();
            }

            await Task.WhenAll(kept.Values.Select(agent => agent.Run));
            await LeaveAsync();
        }
    }

    private async Task LeaveAsync()
    {
        try
        {
            await orchestrator.AssignAgentsAsync(
                new AssignAgentsRequest { RunnerInstance = self.Instance, RunnerAddress = self.Address, Leaving = true }, deadline: DateTime.UtcNow + LeavePatience);
        }
        catch (RpcException)
        {
            // It is missed after 30 s.
        }
    }

    // Agents call as soon as they run, and the orchestrator may ask this runner: both listeners must be there.
    private async Task StartedAsync(CancellationToken stop)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = life.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stop);
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        var etag = "";
        var pause = PauseMin;

        while (!stop.IsCancellationRequested)
        {
            try
            {
                var answer = await orchestrator.AssignAgentsAsync(Ask(etag), deadline: DateTime.UtcNow + Patience, cancellationToken: stop);
                etag = answer.Etag;
                pause = PauseMin;
                Follow([.. answer.Assignments.Select(Intake.AgentWire.Read)]);
            }
            catch (RpcException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException silence)
            {
                // Services of one node start together, and one that restarts is back soon: neither is worth a warning.
                if (pause >= PauseMax)
                {
                    log.AssignmentsSilent(silence.StatusCode.ToString());
                }

                etag = "";
                await Task.Delay(pause, stop);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
        }
    }

    private AssignAgentsRequest Ask(string etag)
    {
        var running = kept.Values.Where(agent => !agent.Run.IsCompleted).ToArray();
        var request = new AssignAgentsRequest
        {
            RunnerInstance = self.Instance,
            RunnerAddress = self.Address,
            Capacity = Math.Max(0, options.AgentsMax - running.Length),
            Etag = etag,
        };
        request.Running.AddRange(running.Select(agent => Intake.AgentWire.Write(agent.Assignment)));
        return request;
    }

    private void Follow(IReadOnlyList<Assignment> wanted)
    {
        foreach (var (key, agent) in kept.Where(pair => wanted.All(assignment => assignment.Key != pair.Key)).ToArray())
        {
            agent.Stop.Cancel();
            kept.Remove(key);
        }

        foreach (var assignment in wanted.Where(assignment => !kept.ContainsKey(assignment.Key)))
        {
            if (kept.Count >= options.AgentsMax)
            {
                break;
            }

            var stop = new CancellationTokenSource();
            kept[assignment.Key] = new Kept(assignment, stop, Task.Run(() => loop.RunAsync(assignment, stop.Token)));
        }
    }

    private sealed record Kept(Assignment Assignment, CancellationTokenSource Stop, Task Run);
}
