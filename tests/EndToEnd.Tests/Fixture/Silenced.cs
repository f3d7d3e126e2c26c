using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>A process that was stopped (SIGSTOP) and goes on when this is disposed.</summary>
public sealed class Silenced : IDisposable
{
    private readonly int pid;

    public Silenced(int pid)
    {
        this.pid = pid;
        DevMesh.Signal(pid, 19);
    }

    public void Dispose() => DevMesh.Signal(pid, 18);
}
