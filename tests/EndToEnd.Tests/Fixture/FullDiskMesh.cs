using System.Diagnostics;
using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh on a small disk of its own, which a test can fill. Only root may mount one: without, there is no mesh here.</summary>
public sealed class FullDiskMesh : RefundMesh, IAsyncLifetime
{
    private readonly OpenFolder mountPoint = new();

    protected override string Folder => Path.Combine(mountPoint.Path, "mesh");

    private string Filler => Path.Combine(mountPoint.Path, "filler");

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("mount", "-t", "tmpfs", "-o", "size=320M,mode=0711", "tmpfs", mountPoint.Path);
            await InitializeAsync();
        }
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();

        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("umount", "--lazy", mountPoint.Path);
        }

        mountPoint.Dispose();
    }

    /// <summary>Takes all room that is left.</summary>
    public void Fill()
    {
        using var filler = new FileStream(Filler, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 });

        foreach (var block in (byte[][])[new byte[1024 * 1024], new byte[4096]])
        {
            try
            {
                while (true)
                {
                    filler.Write(block);
                }
            }
            catch (IOException)
            {
                // No block of this size has room any more.
            }
        }
    }

    /// <summary>Gives it back.</summary>
    public void MakeRoom() => File.Delete(Filler);

    private static async Task RunAsync(string program, params IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var trouble = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {trouble}");
        }
    }
}
