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

    private NodeKeys(DataFolder data, CertificateIssuer issuer)
    {
        this.data = data;
        this.issuer = issuer;
        BootstrapToken = ReadOrMakeToken();
    }

    public string BootstrapToken { get; }

    public static NodeKeys Open(DataFolder data)
    {
        if (new KeyCeremony(TimeProvider.System).Run(data.Keys, Domain) is KeyCeremonyResult.Refused refused)
        {
            throw new ProblemException(Problem.Here("KEYS_REFUSED", refused.Why, ExitCodes.Error));
        }

        var issuer = CertificateIssuer.Open(Path.Combine(data.Keys, KeyFolder.Authority), Domain, TimeProvider.System);
        issuer.RenewDue(data.Keys);
        return new NodeKeys(data, issuer);
    }

    /// <summary>Replaces certificates at half of their life, until it is told to stop. Services read the new ones by themselves.</summary>
    public async Task RenewAsync(Terminal terminal, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(RenewalCheck, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested && issuer.RenewDue(data.Keys) is { Count: > 0 } renewed)
            {
                terminal.Detail($"certificates renewed: {string.Join(", ", renewed)}");
            }
        }
    }

    public void Dispose() => issuer.Dispose();

    private string ReadOrMakeToken()
    {
        if (!File.Exists(data.BootstrapToken))
        {
            KeyFile.WriteSecret(data.BootstrapToken, System.Text.Encoding.ASCII.GetBytes(OpaqueToken.Generate(TokenKind.Access).Reveal()));
        }

        return File.ReadAllText(data.BootstrapToken).Trim();
    }
}
