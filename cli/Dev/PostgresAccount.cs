using System.Globalization;
using System.Runtime.InteropServices;

namespace Mesh.Cli.Dev;

/// <summary>The user that PostgreSQL runs as. It refuses to run as root, so root lends it an unprivileged account.</summary>
internal sealed partial record PostgresAccount(string Name, uint User, uint Group)
{
    /// <summary>Null when this process is not root: then PostgreSQL runs as whoever started it.</summary>
    public static PostgresAccount? ForThisProcess()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return null;
        }

        return Find("postgres") ?? Find("nobody")
            ?? throw new PrivatePostgresException("PostgreSQL cannot run as root, and there is no user postgres or nobody.");
    }

    public void Own(string path)
    {
        if (ChangeOwner(path, User, Group) != 0)
        {
            throw new PrivatePostgresException($"{path} cannot be given to user {Name}: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    private static PostgresAccount? Find(string name)
    {
        foreach (var line in File.ReadLines("/etc/passwd"))
        {
            var fields = line.Split(':');
            if (fields.Length > 3 && fields[0] == name)
            {
                return new(
                    name,
                    uint.Parse(fields[2], CultureInfo.InvariantCulture),
                    uint.Parse(fields[3], CultureInfo.InvariantCulture));
            }
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}
