using System.Security.Cryptography;
using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Dev;

/// <summary>The keys of a node: made once, certificates renewed while it runs, and the first administrator's token.</summary>
internal sealed class NodeKeys : IDisposable
{
    public const string Domain = "mesh.local";

    private static readonly TimeSpan RenewalCheck = TimeSpan.FromMinutes(10);

    private readonly DataFolder data;
    private readonly CertificateIssuer issuer;
    private readonly TimeProvider clock;

    private NodeKeys(DataFolder data, CertificateIssuer issuer, TimeProvider clock)
    {
        this.data = data;
        this.issuer = issuer;
        this.clock = clock;
        BootstrapToken = ReadOrMakeToken();
    }

    public string BootstrapToken { get; }

    public static NodeKeys Open(DataFolder data, TimeProvider clock)
    {
        if (new KeyCeremony(clock).Run(data.Keys, Domain) is KeyCeremonyResult.Refused refused)
        {
            throw new ProblemException(Problem.Here("KEYS_REFUSED", refused.Why, ExitCodes.Error));
        }

        var issuer = CertificateIssuer.Open(Path.Combine(data.Keys, KeyFolder.Authority), Domain, clock);
        issuer.RenewDue(data.Keys);
        return new NodeKeys(data, issuer, clock);
    }

    /// <summary>Replaces certificates at half of their life, until it is told to stop. Services read the new ones by themselves.</summary>
    /// <remarks>What fails is told and tried again: an old certificate is good for 12 h more, and without a new one every service is refused.</remarks>
    public async Task RenewAsync(Terminal terminal, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(RenewalCheck, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested)
            {
                RenewDue(terminal);
            }
        }
    }

    public void Dispose() => issuer.Dispose();

    private void RenewDue(Terminal terminal)
    {
        // One by one: the folder of one service may be damaged, and the others must go on.
        foreach (var service in KeyFolder.Services)
        {
            try
            {
                if (issuer.RenewIfDue(data.Keys, service))
                {
                    terminal.Detail($"certificate of {service} renewed");
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
            {
                terminal.Warn($"the certificate of {service} could not be renewed and is tried again in {RenewalCheck.TotalMinutes:0} minutes: {error.Message}");
            }
        }
    }

    private string ReadOrMakeToken()
    {
        if (!File.Exists(data.BootstrapToken))
        {
            KeyFile.WriteSecret(data.BootstrapToken, System.Text.Encoding.ASCII.GetBytes(OpaqueToken.Generate(TokenKind.Access).Reveal()));
        }

        return File.ReadAllText(data.BootstrapToken).Trim();
    }
}
