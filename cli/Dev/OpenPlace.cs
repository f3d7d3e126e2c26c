using System.Security.Cryptography;
using System.Text;

namespace Mesh.Cli.Dev;

/// <summary>Where folders are kept that other users must reach: PostgreSQL and the agents do not run as root.</summary>
internal static class OpenPlace
{
    private const string Root = "/var/lib/mesh-private";

    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Where a wanted folder really is.</summary>
    /// <remarks>
    /// It is the folder itself, except for root when other users cannot get there (the home of root is closed):
    /// then it is a folder of its own under /var/lib that depends on the wanted path alone.
    /// </remarks>
    public static string For(string wanted)
    {
        var full = Path.GetFullPath(wanted);
        if (!Environment.IsPrivilegedProcess || IsReachable(full))
        {
            return full;
        }

        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(full)))[..16];

        return Path.Combine(Root, name);
    }

    /// <summary>Makes a folder that <see cref="For"/> gave, and a way to it. Its own mode is its owner's to set.</summary>
    public static void Make(string folder)
    {
        if (Path.GetDirectoryName(folder) == Root)
        {
            // Said again, because a strict umask takes the way away.
            Directory.CreateDirectory(Root);
            File.SetUnixFileMode(Root, Passable);
        }

        Directory.CreateDirectory(folder);
    }

    /// <summary>Whether another user can reach the file or folder through all of its ancestors.</summary>
    public static bool IsReachable(string path)
    {
        for (var place = new DirectoryInfo(path).Parent; place is not null; place = place.Parent)
        {
            if (place.Exists && !File.GetUnixFileMode(place.FullName).HasFlag(UnixFileMode.OtherExecute))
            {
                return false;
            }
        }

        return true;
    }
}
