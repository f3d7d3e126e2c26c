namespace Mesh.Cli.Keys;

/// <summary>A certificate and its private key, both as PEM.</summary>
internal sealed record IssuedLeaf(string CertificatePem, string KeyPem, DateTimeOffset Until)
{
    // The key must not reach a log by way of a formatted record.
    public override string ToString() => $"leaf until {Until:O}";
}
