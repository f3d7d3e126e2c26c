using System.Diagnostics;
using System.Globalization;

namespace Mesh.Toolrunner.Agents;

/// <summary>The processes of a user that one agent alone has: the agent and whatever it started, however far that went away.</summary>
/// <remarks>Read from <c>/proc</c>; where there is none, they are not found, and the lost socket is what ends an agent.</remarks>
internal static class UserProcesses
{
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    public static bool HasAny(uint user) => Of(user).Count > 0;

    /// <summary>Kills them until there are none. False when there still are some after 5 s.</summary>
    /// <remarks>Repeated, because one that starts others may do so between a look and its end.</remarks>
    public static async Task<bool> EndAsync(uint user)
    {
        // The users below are the machine's own, and 0 stands for an agent that has none of its own.
        ArgumentOutOfRangeException.ThrowIfLessThan(user, (uint)RunnerOptions.AgentUidLowest);
        var started = Stopwatch.GetTimestamp();

        while (Of(user) is { Count: > 0 } alive)
        {
            if (Stopwatch.GetElapsedTime(started) > EndWithin)
            {
                return false;
            }

            alive.ForEach(process => _ = Libc.kill(process, Libc.SigKill));
            await Task.Delay(BetweenLooks);
        }

        return true;
    }

    private static List<int> Of(uint user) => !OperatingSystem.IsLinux()
        ? []
        : [.. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : 0)
            .Where(process => process > 0 && IsOf(process, user))];

    private static bool IsOf(int process, uint user)
    {
        try
        {
            // The state stands before the users.
            foreach (var line in File.ReadLines($"/proc/{process}/status"))
            {
                if (line is ['S', 't', 'a', 't', 'e', ':', '\t', 'Z' or 'X', ..])
                {
                    return false;
                }

                if (line.StartsWith("Uid:", StringComparison.Ordinal))
                {
                    return line.Split('\t')[1] == user.ToString(CultureInfo.InvariantCulture);
                }
            }
        }
        catch (IOException)
        {
            // It ended meanwhile.
        }

        return false;
    }
}
