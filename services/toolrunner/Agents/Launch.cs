using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mesh.Toolrunner.Agents;

/// <summary>The starter: becomes an agent, with one connected socket and nothing else of the runner's.</summary>
/// <remarks>The same program as the runner, under a verb of its own; nothing of the web host is loaded before this returns or never returns.</remarks>
internal static class Launch
{
    public const string Verb = "launch";
    public const int AgentDescriptor = 3;

    /// <summary>Does not return when all goes well.</summary>
    public static int Run()
    {
        // From here on everything that is printed lands in the agent's own file.
        Must(Libc.dup2(1, 2), "dup2");

        LaunchOrder order;

        using (var input = Console.OpenStandardInput())
        {
            order = LaunchOrder.Read(input);
        }

        // Before the user changes: the socket's folder is the runner's alone.
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(order.Door));
        socket.Send(order.Nonce);
        Array.Clear(order.Nonce);

        _ = Libc.setsid();
        Must(Libc.chdir(order.Directory), "chdir");
        _ = Libc.umask(0x3F);
        Become(order.User);
        EndWith(order.Parent);

        // An ignored signal stays ignored across exec, and the runtime ignores this one.
        _ = Libc.signal(Libc.SigPipe, 0);
        Exec(order, (int)socket.Handle);

        throw new InvalidOperationException($"{order.Program} cannot be started: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    private static unsafe void Become(uint user)
    {
        if (user == 0)
        {
            return;
        }

        Must(Libc.setgroups(0, null), "setgroups");

        if (OperatingSystem.IsLinux())
        {
            Must(Libc.setresgid(user, user, user), "setresgid");
            Must(Libc.setresuid(user, user, user), "setresuid");
            return;
        }

        Must(Libc.setgid(user), "setgid");
        Must(Libc.setuid(user), "setuid");
    }

    private static void EndWith(int parent)
    {
        if (!OperatingSystem.IsLinux())
        {
            // There the lost socket ends the agent.
            return;
        }

        // After the change of user, which would take it back.
        Must(Libc.prctl(Libc.SetPdeathsig, Libc.SigKill, 0, 0, 0), "prctl");
        Must(Libc.prctl(Libc.SetNoNewPrivs, 1, 0, 0, 0), "prctl");

        if (Libc.getppid() != parent)
        {
            throw new InvalidOperationException("The runner ended meanwhile.");
        }
    }

    private static unsafe void Exec(LaunchOrder order, int socket)
    {
        var arguments = Pointers(order.Command);
        var environment = Pointers(order.Environment);
        var nothing = Must(Libc.open("/dev/null", Libc.ReadWrite), "open");
        CloseOthersOnExec();

        Must(Libc.dup2(nothing, 0), "dup2");

        // The last thing before exec: whatever the runtime had there is lost now.
        if (socket == AgentDescriptor)
        {
            Must(Libc.fcntl(socket, Libc.SetDescriptorFlags, 0), "fcntl");
        }
        else
        {
            Must(Libc.dup2(socket, AgentDescriptor), "dup2");
        }

        _ = Libc.execve(order.Program, arguments, environment);
    }

    private static void CloseOthersOnExec()
    {
        if (OperatingSystem.IsLinux() && Libc.close_range(AgentDescriptor, uint.MaxValue, Libc.CloseOnExec) == 0)
        {
            return;
        }

        foreach (var descriptor in Directory.EnumerateFileSystemEntries("/dev/fd").Select(Path.GetFileName).ToArray())
        {
            if (int.TryParse(descriptor, out var number) && number >= AgentDescriptor)
            {
                _ = Libc.fcntl(number, Libc.SetDescriptorFlags, 1);
            }
        }
    }

    private static unsafe byte** Pointers(IReadOnlyList<string> texts)
    {
        var pointers = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));

        for (var i = 0; i < texts.Count; i++)
        {
            pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        }

        return pointers;
    }

    private static int Must(int result, string call) => result >= 0
        ? result
        : throw new InvalidOperationException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}.");
}
