using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>A process that was stopped (SIGSTOP) and goes on when this is disposed.</summary>
public sealed class Silenced : IDisposable
{
    private readonly int pid;

    public Silenced(int pid)
    {
        this.pid = pid;
        Assert.True(DevMesh.Signal(pid, 19), $"process {pid} is gone");

        // The signal is sent at once, and each thread stops when it is next at it: on a busy machine that is later.
        Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1][0] is 'T' or 't', TimeSpan.FromSeconds(20)), $"process {pid} goes on");
    }

    public void Dispose() => DevMesh.Signal(pid, 18);
}
