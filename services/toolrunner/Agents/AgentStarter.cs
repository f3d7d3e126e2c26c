using System.Diagnostics;
using System.Reflection;

namespace Mesh.Toolrunner.Agents;

/// <summary>Starts agents, each with a folder, a user and a socket of its own, and an environment made from nothing.</summary>
internal sealed class AgentStarter(RunnerOptions options, AgentDoor door, Scratch scratch)
{
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <exception cref="IOException">A program or a folder is not there.</exception>
    public async Task<RunningAgent> StartAsync(Assignment assignment, string bundle)
    {
        var agent = new Agent(assignment.Tenant, assignment.Workflow, assignment.WorkflowVersion, Guid.CreateVersion7().ToString("D"));
        var (folder, user) = scratch.Make(agent.Instance);
        var running = new RunningAgent(agent, folder);
        var nonce = door.Expect(running);

        try
        {
            var order = new LaunchOrder
            {
                Nonce = nonce,
                Door = door.Path,
                Parent = Environment.ProcessId,
                User = user,
                Directory = bundle,
                Program = Programs.Find(assignment.Command[0], bundle),
                Command = assignment.Command,
                Environment = EnvironmentOf(folder),
            };
            var process = await SpawnThread.RunAsync(() => Start(order));
            running.Started(process);
            OutputFile.Follow(process.StandardOutput.BaseStream, LogPath(assignment));
            return running;
        }
        catch (Exception)
        {
            door.Forget(nonce);
            await Scratch.RemoveAsync(folder);
            throw;
        }
    }

    private static Process Start(LaunchOrder order)
    {
        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = "/" };
        var program = typeof(Launch).Assembly;

        if (Assembly.GetEntryAssembly() == program && Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) != "dotnet")
        {
            start.FileName = self;
        }
        else
        {
            start.FileName = Programs.Find("dotnet", "/");
            start.ArgumentList.Add(program.Location);
        }

        start.ArgumentList.Add(Launch.Verb);
        start.Environment.Clear();

        foreach (var variable in order.Environment.Select(v => v.Split('=', 2)))
        {
            start.Environment[variable[0]] = variable[1];
        }

        var process = Process.Start(start) ?? throw new IOException("The starter did not start.");

        try
        {
            order.Write(process.StandardInput.BaseStream);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it had read its order. Its exit says so.
        }

        return process;
    }

    private static string[] EnvironmentOf(string scratch)
    {
        var variables = new List<string>
        {
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8",
            $"HOME={scratch}",
            $"TMPDIR={scratch}",
            $"MESH_SOCKET_FD={Launch.AgentDescriptor}",

            // No debugger's socket, which another agent could find.
            "DOTNET_EnableDiagnostics=0",
            "DOTNET_NOLOGO=1",
            "DOTNET_CLI_TELEMETRY_OPTOUT=1",
        };

        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root)
        {
            variables.Add($"DOTNET_ROOT={root}");
        }

        return [.. variables];
    }

    private string? LogPath(Assignment assignment)
    {
        if (options.AgentLogs is null)
        {
            return null;
        }

        Directory.CreateDirectory(options.AgentLogs, Own);
        return Path.Combine(options.AgentLogs, $"{assignment.Tenant}.{assignment.Workflow}.log");
    }
}
