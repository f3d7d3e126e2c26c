using System.Runtime.InteropServices;

namespace Mesh.Cli.Dev;

/// <summary>Signals to processes that the launcher started.</summary>
internal static partial class Signals
{
    /// <summary>Sends nothing: only whether the process is there.</summary>
    public const int None = 0;

    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>False when there is no such process any more.</summary>
    public static bool Send(int pid, int signal) => SendCore(pid, signal) == 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendCore(int pid, int signal);
}
