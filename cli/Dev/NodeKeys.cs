using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Dev;

/// <summary>The keys of a node: made once, certificates renewed while it runs, and the first administrator's token.</summary>
internal sealed class NodeKeys : IDisposable
{
    public const string Domain = "mesh.local";

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
    public Task RenewAsync(Terminal terminal, CancellationToken stop) =>
        new CertificateRenewal(issuer, data.Keys, terminal.Detail, terminal.Warn, clock).RunAsync(stop);

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
