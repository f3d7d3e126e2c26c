using System.Security.Cryptography;

namespace Mesh.Cli.Keys;

/// <summary>Replaces certificates at half of their life. Services read the new ones by themselves.</summary>
/// <remarks>What fails is told and tried again: an old certificate is good for 12 h more, and without a new one every service is refused.</remarks>
internal sealed class CertificateRenewal(CertificateIssuer issuer, string folder, Action<string> tell, Action<string> warn, TimeProvider clock)
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            RenewDue();
            await Task.Delay(Interval, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Renews what is due; false when something could not be.</summary>
    public bool RenewDue()
    {
        var isDone = true;

        // One by one: the folder of one service may be damaged, and the others must go on.
        foreach (var service in KeyFolder.Services)
        {
            try
            {
                if (issuer.RenewIfDue(folder, service))
                {
                    tell($"certificate of {service} renewed");
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
            {
                isDone = false;
                warn($"the certificate of {service} could not be renewed and is tried again in {Interval.TotalMinutes:0} minutes: {error.Message}");
            }
        }

        return isDone;
    }
}
