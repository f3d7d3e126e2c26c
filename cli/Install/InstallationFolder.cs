namespace Mesh.Cli.Install;

/// <summary>Where the parts of an installation lie: a folder for each reader, so that each can be a volume that only it is given.</summary>
/// <param name="path">The folder that has all of them.</param>
internal sealed class InstallationFolder(string path)
{
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>The CA's key and certificate, for whoever issues certificates.</summary>
    public string Authority => In("ca");

    /// <summary>A folder for each service with its certificate, renewed every day.</summary>
    public string Certificates => In("tls");

    /// <summary>A folder for each service with its other keys, its connections, and the public keys that it trusts.</summary>
    public string Keys => In("keys");

    /// <summary>The superuser's connection and those of all stores, for the migrations.</summary>
    public string Stores => In("stores");

    /// <summary>What PostgreSQL itself is told.</summary>
    public string Postgres => In("postgres");

    /// <summary>What RabbitMQ itself is told.</summary>
    public string Rabbitmq => In("rabbitmq");

    /// <summary>The first administrator's token, and the public keys that logs are verified with.</summary>
    public string Operator => In("operator");

    /// <summary>A connection string for each store, as <c>mesh db migrate</c> takes them.</summary>
    public string Connections => System.IO.Path.Combine(Stores, "connections");

    /// <summary>The connection that migrations use.</summary>
    public string SuperuserConnection => System.IO.Path.Combine(Stores, "superuser");

    public string CertificateOf(string service) => System.IO.Path.Combine(Certificates, service);

    public string KeysOf(string service) => System.IO.Path.Combine(Keys, service);

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
