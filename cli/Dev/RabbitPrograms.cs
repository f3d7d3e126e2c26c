namespace Mesh.Cli.Dev;

/// <summary>An installed RabbitMQ: its server and its control program, not the distribution's wrappers around them.</summary>
internal sealed record RabbitPrograms(string Server, string Control)
{
    private static readonly string[] Places = ["/usr/lib/rabbitmq/lib", "/opt/homebrew/opt/rabbitmq", "/usr/local/opt/rabbitmq", "/opt/rabbitmq"];

    /// <summary>The newest that is installed; as root on Debian it is installed when there is none.</summary>
    public static async Task<RabbitPrograms> FindOrInstallAsync(CancellationToken stop)
    {
        if (Find() is { } found)
        {
            return found;
        }

        var trouble = DebianPackages.CanInstall ? await DebianPackages.InstallAsync("rabbitmq-server", stop) : null;

        return Find() ?? throw new PrivateRabbitException(
            trouble is null ? $"RabbitMQ was not found: {Missing()}" : $"RabbitMQ is not installed, and {trouble}");
    }

    private static RabbitPrograms? Find() => Places
        .Where(Directory.Exists)
        .SelectMany(place => Directory.EnumerateDirectories(place, "rabbitmq_server-*").OrderDescending(StringComparer.Ordinal).Append(place))
        .Select(folder => new RabbitPrograms(Path.Combine(folder, "sbin", "rabbitmq-server"), Path.Combine(folder, "sbin", "rabbitmqctl")))
        .FirstOrDefault(programs => File.Exists(programs.Server) && File.Exists(programs.Control));

    private static string Missing() => (OperatingSystem.IsMacOS(), File.Exists("/usr/bin/apt-get"), File.Exists("/usr/bin/dnf")) switch
    {
        (true, _, _) => "brew install rabbitmq",
        (_, true, _) => "sudo apt-get install rabbitmq-server",
        (_, _, true) => "sudo dnf install rabbitmq-server",
        _ => "install it with your system's package manager",
    };
}
