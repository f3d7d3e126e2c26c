using System.Diagnostics;
using System.Globalization;

namespace Mesh.Toolrunner.Agents;

/// <summary>One agent's process and its socket. When either is gone, the agent is.</summary>
internal sealed class RunningAgent(Agent agent) : IDisposable
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? process;

    public Agent Agent => agent;

    public int Pid => process?.Id ?? 0;

    public void Started(Process started) => process = started;

    public void Connected() => connected.TrySetResult();

    public void Disconnected() => lost.TrySetResult();

    /// <summary>Waits for the end, or brings it about when asked to stop. Answers the cause; the process may live a moment longer.</summary>
    public async Task<string> EndedAsync(CancellationToken stop)
    {
        var exited = process!.WaitForExitAsync(CancellationToken.None);
        var late = Task.Delay(ConnectPatience, stop);
        var ended = await Task.WhenAny(exited, lost.Task, late);

        // It has spoken, so that the clock has no say any more.
        if (ended == late && connected.Task.IsCompleted)
        {
            ended = await Task.WhenAny(exited, lost.Task, Task.Delay(Timeout.Infinite, stop));
        }

        return ended switch
        {
            _ when ended == exited => string.Create(CultureInfo.InvariantCulture, $"exited {process.ExitCode}"),
            _ when ended == lost.Task => "socket closed",
            _ when stop.IsCancellationRequested => "stopped",
            _ => "did not speak in time",
        };
    }

    /// <summary>Ends the process: asks first, and kills what does not go. True when it had to be killed.</summary>
    public async Task<bool> StopAsync()
    {
        if (process is null || process.HasExited)
        {
            KillRest();
            return false;
        }

        _ = Libc.kill(process.Id, Libc.SigTerm);

        try
        {
            await process.WaitForExitAsync(CancellationToken.None).WaitAsync(StopPatience);
            return false;
        }
        catch (TimeoutException)
        {
            return true;
        }
        finally
        {
            KillRest();
        }
    }

    public void Dispose() => process?.Dispose();

    // The agent leads a session of its own: its children go with it.
    private void KillRest()
    {
        if (Pid > 0)
        {
            _ = Libc.kill(-Pid, Libc.SigKill);
        }
    }
}
