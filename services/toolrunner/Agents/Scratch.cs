using System.Globalization;
using System.Security.Cryptography;

namespace Mesh.Toolrunner.Agents;

/// <summary>The folders that agents may write to, one each, and with each the user that it belongs to.</summary>
/// <remarks>
/// A folder's name begins with its user's number: whoever finds the folder after a crash knows whose processes may still
/// run. The parent is the runner's, so that no agent can change a name or put something else in its place.
/// </remarks>
internal sealed class Scratch(RunnerOptions options)
{
    /// <summary>Under which this program sweeps a runner's folder and ends; its exit code is what withstood.</summary>
    public const string SweepVerb = "sweep";

    private const string Name = "scratch";
    private const int Users = 65_536;
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Others may pass through, to what is theirs, and list nothing.
    private const UnixFileMode Passable = Own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly string root = Path.Combine(Path.GetFullPath(options.Data), Name);
    private readonly Lock gate = new();

    /// <summary>Makes an agent's folder. Its user is 0, the runner's own, unless the runner is root.</summary>
    /// <exception cref="IOException">It cannot be made, or not be given to its user.</exception>
    public (string Folder, uint User) Make(string instance)
    {
        uint user;
        string folder;

        // A user is taken by the folder that bears its number.
        lock (gate)
        {
            Directory.CreateDirectory(root, Passable);
            user = Libc.geteuid() == 0 ? UnusedUser() : 0;
            folder = Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"{user}-{instance}"));
            Directory.CreateDirectory(folder, Own);
        }

        return user == 0 || Libc.chown(folder, user, user) == 0 ? (folder, user) : throw new IOException($"{folder} cannot be given to user {user}.");
    }

    /// <summary>Ends what still runs as the folder's user, then removes the folder. False when something withstood.</summary>
    public static async Task<bool> RemoveAsync(string folder)
    {
        // First: who still runs could put a link where the deletion is about to descend.
        if (UserOf(folder) is > 0 and var user && !await UserProcesses.EndAsync(user))
        {
            return false;
        }

        try
        {
            // Links in it are removed and not followed.
            Directory.Delete(folder, recursive: true);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Removes what agents of an earlier runner left behind, their processes too. Answers how many withstood.</summary>
    public static async Task<int> SweepAsync(string data)
    {
        var removed = await Task.WhenAll(FoldersIn(Path.Combine(Path.GetFullPath(data), Name)).Select(RemoveAsync));
        return removed.Count(isRemoved => !isRemoved);
    }

    private static IEnumerable<string> FoldersIn(string root) => Directory.Exists(root) ? Directory.EnumerateDirectories(root) : [];

    // Shared with nobody: what runs as it is ended with the agent. Another runner on this machine draws from the same numbers.
    private uint UnusedUser()
    {
        while (true)
        {
            var user = (uint)(options.AgentUidBase + RandomNumberGenerator.GetInt32(Users));

            if (FoldersIn(root).All(folder => UserOf(folder) != user) && !UserProcesses.HasAny(user))
            {
                return user;
            }
        }
    }

    private static uint UserOf(string folder) =>
        uint.TryParse(Path.GetFileName(folder).Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var user) && user >= RunnerOptions.AgentUidLowest
            ? user
            : 0;
}
