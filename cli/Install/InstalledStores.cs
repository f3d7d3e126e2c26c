using System.Security.Cryptography;
using Mesh.Cli.Dev;
using Npgsql;

namespace Mesh.Cli.Install;

/// <summary>The connections of the services to their stores, each with a password of its own.</summary>
internal sealed class InstalledStores(InstallationFolder folder, InstalledFiles files)
{
    private const string Bus = "bus";

    /// <param name="superuser">Where the server is and who may make roles there. Without a password, the server is a new one and gets one here.</param>
    public void Install(NpgsqlConnectionStringBuilder superuser)
    {
        if (string.IsNullOrEmpty(superuser.Password))
        {
            var file = Path.Combine(folder.Postgres, "password");
            superuser.Password = InstalledFiles.Read(file) ?? NewPassword();
            files.WriteGroupSecret(file, superuser.Password);
        }

        files.WriteSecret(folder.SuperuserConnection, superuser.ConnectionString);

        foreach (var service in Service.All.Where(service => service.HasStore))
        {
            files.WriteSecret(Path.Combine(folder.KeysOf(service.Name), "postgres"), Connection(superuser, service.Name));
        }

        Connection(superuser, Bus);
    }

    public static string NewPassword() => RandomNumberGenerator.GetHexString(48, lowercase: true);

    private string Connection(NpgsqlConnectionStringBuilder superuser, string store)
    {
        var file = Path.Combine(folder.Connections, store);
        var known = InstalledFiles.Read(file) is { } text ? new NpgsqlConnectionStringBuilder(text).Password : null;
        var connection = new NpgsqlConnectionStringBuilder(superuser.ConnectionString) { Username = $"mesh_{store}", Password = known ?? NewPassword() };
        files.WriteSecret(file, connection.ConnectionString);
        return connection.ConnectionString;
    }
}
