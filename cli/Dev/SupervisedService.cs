using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using Mesh.Cli.Output;

namespace Mesh.Cli.Dev;

/// <summary>Keeps one service running: started again with backoff when it ends, until the node stops.</summary>
internal sealed class SupervisedService(
    Replica replica,
    IReadOnlyDictionary<string, string> environment,
    Uri readiness,
    ServiceLog log,
    Terminal terminal,
    Action changed) : IDisposable
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    // A service that ran this long did not fail at its start; its next end begins with the shortest wait again.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource stopping = new();
    private volatile Process? process;
    private Task supervision = Task.CompletedTask;

    public Replica Replica => replica;

    public int? Pid => process is { } running ? running.Id : null;

    /// <summary>Starts the process and returns when it says that it is ready. One that ends before is a problem to tell.</summary>
    public async Task StartAsync(HttpClient http, CancellationToken stop)
    {
        var first = await SpawnAsync();
        var waited = Stopwatch.StartNew();
        while (!await IsReadyAsync(http, stop))
        {
            if (first.HasExited)
            {
                throw Failed($"{replica.Name} ended while it started ({HowItEnded(first)})");
            }

            if (waited.Elapsed > ReadyWithin)
            {
                throw Failed($"{replica.Name} was not ready within {ReadyWithin.TotalSeconds:0} s");
            }

            await Task.Delay(15, stop);
        }

        supervision = SuperviseAsync(first);
    }

    /// <summary>Asks the process to end, waits that long, then ends it.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        await stopping.CancelAsync();
        if (process is { HasExited: false } running)
        {
            Signals.Send(running.Id, Signals.Terminate);
            await Task.WhenAny(running.WaitForExitAsync(), Task.Delay(patience));
            if (!running.HasExited)
            {
                log.Write($"-- {replica.Name} did not end within {patience.TotalSeconds:0.0} s and was killed");
                Signals.Send(running.Id, Signals.Kill);
            }

            await running.WaitForExitAsync();
        }

        await supervision;
    }

    public void Dispose()
    {
        stopping.Dispose();
        process?.Dispose();
        log.Dispose();
    }

    private async Task SuperviseAsync(Process running)
    {
        var backoff = BackoffMin;
        while (true)
        {
            var since = Stopwatch.GetTimestamp();
            await running.WaitForExitAsync();
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            backoff = Stopwatch.GetElapsedTime(since) > Settled ? BackoffMin : backoff;
            var line = $"{replica.Name} ended ({HowItEnded(running)}); it is started again in {backoff.TotalMilliseconds:0} ms";
            log.Write($"-- {line}");
            terminal.Warn(line);
            await Task.Delay(backoff, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
            if (await TrySpawnAsync() is not { } again)
            {
                return;
            }

            running = again;
            changed();
        }

        // Null when it was told to stop before there was a process again.
        async Task<Process?> TrySpawnAsync()
        {
            while (!stopping.IsCancellationRequested)
            {
                try
                {
                    return await SpawnAsync();
                }
                catch (Exception error) when (error is Win32Exception or IOException)
                {
                    // Out of processes or memory for a moment, or the program is just being replaced.
                    var line = $"{replica.Name} could not be started ({error.Message}); the next try is in {backoff.TotalMilliseconds:0} ms";
                    log.Write($"-- {line}");
                    terminal.Warn(line);
                    await Task.Delay(backoff, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
                }
            }

            return null;
        }
    }

    private async Task<Process> SpawnAsync()
    {
        var spawned = await Child.StartAsync(replica.Service.Program, [], environment);
        process = spawned;
        _ = PumpAsync(spawned.StandardOutput, isError: false);
        _ = PumpAsync(spawned.StandardError, isError: true);

        // Stopped between the decision to start and the start: whoever stops looked at the process before.
        if (stopping.IsCancellationRequested)
        {
            Signals.Send(spawned.Id, Signals.Kill);
        }

        return spawned;
    }

    private async Task PumpAsync(StreamReader from, bool isError)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            log.Write(line);
            terminal.Log(replica.Name, line, isError);
        }
    }

    private async Task<bool> IsReadyAsync(HttpClient http, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(readiness, stop);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception notYet) when (notYet is HttpRequestException || (notYet is TaskCanceledException && !stop.IsCancellationRequested))
        {
            // Refused, or silent for longer than the client waits: on a busy machine a start takes its time.
            return false;
        }
    }

    private ProblemException Failed(string what) => new(Problem.Here(
        "SERVICE_FAILED", $"{what}: {log.LastLine}. All of it is in {log.Path}.", ExitCodes.Error));

    private static string HowItEnded(Process ended) =>
        ended.ExitCode > 128 ? $"signal {ended.ExitCode - 128}" : $"exit code {ended.ExitCode}";
}
