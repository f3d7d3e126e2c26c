using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Toolrunner.Agents;

/// <summary>One agent's process and its socket. When either is gone, the agent is.</summary>
internal sealed class RunningAgent(Agent agent, string scratch) : IDisposable
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private Process? process;
    private ConnectionContext? connection;
    private bool isCut;

    public Agent Agent => agent;

    /// <summary>The folder that is its own.</summary>
    public string Scratch => scratch;

    public int Pid => process?.Id ?? 0;

    public void Started(Process started) => process = started;

    /// <summary>Takes the agent's one connection. False when it comes after the end.</summary>
    public bool TryConnect(ConnectionContext arrived)
    {
        lock (gate)
        {
            if (isCut)
            {
                return false;
            }

            connection = arrived;
        }

        arrived.ConnectionClosed.Register(Disconnected);
        connected.TrySetResult();
        return true;
    }

    public void Disconnected() => lost.TrySetResult();

    /// <summary>Ends the connection, also one that is still to come: a child may hold the socket longer than the agent lived.</summary>
    public void Cut()
    {
        lock (gate)
        {
            isCut = true;
            connection?.Abort(new ConnectionAbortedException("The agent ended."));
        }
    }

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

    // The agent leads a session of its own: the children that stayed in it go with it.
    private void KillRest()
    {
        if (Pid > 0)
        {
            _ = Libc.kill(-Pid, Libc.SigKill);
        }
    }
}
