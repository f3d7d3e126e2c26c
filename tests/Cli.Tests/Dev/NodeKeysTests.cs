using System.Security.Cryptography.X509Certificates;
using Mesh.Cli.Dev;
using Mesh.Cli.Keys;
using Mesh.TestKit;

namespace Cli.Tests.Dev;

public sealed class NodeKeysTests
{
    [Fact]
    public async Task A_certificate_that_cannot_be_renewed_is_told_and_neither_stops_the_others_nor_later_tries()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);
        var clock = new HurriedClock();
        using var keys = NodeKeys.Open(data, clock);
        var errors = new StringWriter();
        var damaged = Path.Combine(data.Keys, "audit", KeyFolder.LeafCertificate);
        var first = EndOf(data, "vault");
        await File.WriteAllTextAsync(damaged, "not a certificate", TestContext.Current.CancellationToken);

        clock.Ahead = TimeSpan.FromHours(13);
        using var stop = new CancellationTokenSource();
        var renewal = keys.RenewAsync(new Terminal(TextWriter.Null, TextWriter.Synchronized(errors), verbose: false), stop.Token);

        await Eventually.Async(() => EndOf(data, "vault") > first && EndOf(data, "toolrunner") > first);
        await Eventually.Async(() => errors.ToString().Contains("the certificate of audit could not be renewed", StringComparison.Ordinal));
        File.Delete(damaged);
        await Eventually.Async(() => File.Exists(damaged) && EndOf(data, "audit") > first);
        await stop.CancelAsync();
        await renewal;
    }

    private static DateTime EndOf(DataFolder data, string service)
    {
        using var leaf = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(data.Keys, service, KeyFolder.LeafCertificate));
        return leaf.NotAfter;
    }

    /// <summary>Whatever is waited for comes after a moment.</summary>
    private sealed class HurriedClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.FromMilliseconds(10), period);
    }
}
