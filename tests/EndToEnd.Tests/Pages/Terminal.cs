using System.Diagnostics;
using System.Text;

namespace EndToEnd.Tests.Pages;

/// <summary>A shell that a reader of the pages types into, one command after the other.</summary>
public sealed class Terminal : IAsyncDisposable
{
    private const string End = "--- that command ended with ";

    private readonly Process shell;
    private readonly StringBuilder errors = new();

    public Terminal(string folder, string home)
    {
        var start = new ProcessStartInfo("bash")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // What the command line keeps of earlier meshes is the reader's own.
        start.Environment["XDG_STATE_HOME"] = home;
        shell = Process.Start(start)!;
        shell.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        shell.BeginErrorReadLine();
    }

    /// <summary>What was said on standard error.</summary>
    public string Errors
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    /// <summary>Runs a command to its end; one with <c>&amp;</c> at its end goes on in the background.</summary>
    public async Task<(int ExitCode, string Output)> RunAsync(string command, CancellationToken stop)
    {
        await shell.StandardInput.WriteAsync($"{command}\necho \"{End}$?\"\n".AsMemory(), stop);
        await shell.StandardInput.FlushAsync(stop);
        var output = new StringBuilder();

        while (await shell.StandardOutput.ReadLineAsync(stop) is { } line)
        {
            if (line.StartsWith(End, StringComparison.Ordinal))
            {
                return (int.Parse(line[End.Length..], System.Globalization.CultureInfo.InvariantCulture), output.ToString());
            }

            output.AppendLine(line);
        }

        throw new InvalidOperationException($"The shell ended in {command}: {output}{Errors}");
    }

    /// <summary>Starts what does not end by itself, and returns when it prints this line.</summary>
    public async Task StartAsync(string command, string until, CancellationToken stop)
    {
        await shell.StandardInput.WriteAsync($"{command}\n".AsMemory(), stop);
        await shell.StandardInput.FlushAsync(stop);

        while (await shell.StandardOutput.ReadLineAsync(stop) is { } line)
        {
            if (line == until)
            {
                _ = shell.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return;
            }
        }

        throw new InvalidOperationException($"{command} ended before it said {until}: {Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        shell.Kill(entireProcessTree: true);
        await shell.WaitForExitAsync();
        shell.Dispose();
    }
}
