using System.Diagnostics;
using System.Text;
using Mesh.Cli.Connection;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;

namespace Mesh.Cli.Demo;

/// <summary>A throw-away <c>mesh dev</c>: it ends with this process, whatever ends it, and its folder is deleted.</summary>
internal sealed class DemoNode : IAsyncDisposable
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(10);

    private readonly Process launcher;
    private readonly DataFolder data;
    private readonly StringBuilder errors = new();
    private readonly List<MeshChannel> channels = [];

    private DemoNode(Process launcher, DataFolder data)
    {
        this.launcher = launcher;
        this.data = data;
        launcher.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        launcher.BeginErrorReadLine();
    }

    public string Folder => data.Path;

    /// <summary>What the node warned of: shown when something went wrong.</summary>
    public string Warnings
    {
        get
        {
            lock (errors)
            {
                return errors.ToString().Trim();
            }
        }
    }

    public static async Task<DemoNode> StartAsync(CancellationToken stop)
    {
        var data = new DataFolder(Directory.CreateTempSubdirectory("mesh-demo-").FullName);
        if (Environment.IsPrivilegedProcess)
        {
            // The user that PostgreSQL runs as must get to its own folder in it.
            File.SetUnixFileMode(data.Path, File.GetUnixFileMode(data.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }

        var node = new DemoNode(
            await Child.StartAsync("Mesh.Cli.dll", ["dev", "--data", data.Path, "--headless"], new Dictionary<string, string>()), data);
        try
        {
            await node.ReadyAsync(stop);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public RunFile Read() => RunFile.Read(data.RunFile);

    /// <summary>The keys that the log of this mesh is verified with.</summary>
    public string TrustFile => Path.Combine(data.Keys, "audit", Keys.KeyFolder.Trust);

    /// <summary>A connection to the mesh as the owner of a token.</summary>
    public MeshChannel Open(string token)
    {
        var channel = MeshChannel.Open(new MeshAddress(new Uri(Read().Grpc), token));
        channels.Add(channel);
        return channel;
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(channel => channel.Dispose());
        Signals.Send(launcher.Id, Signals.Terminate);
        using (var patience = new CancellationTokenSource(EndWithin))
        {
            await launcher.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Signals.Send(launcher.Id, Signals.Kill);
        await launcher.WaitForExitAsync();
        launcher.Dispose();
        Directory.Delete(data.Path, recursive: true);
        foreach (var elsewhere in (string[])[data.Postgres, .. data.Runners])
        {
            if (Directory.Exists(elsewhere))
            {
                Directory.Delete(elsewhere, recursive: true);
            }
        }
    }

    private async Task ReadyAsync(CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(ReadyWithin);
        try
        {
            while (await launcher.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            {
                if (line == "ready")
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Told below, with what it printed.
        }

        throw new ProblemException(Problem.Here("DEMO_FAILED", $"The throw-away mesh did not become ready. {Warnings}", ExitCodes.Error));
    }
}
