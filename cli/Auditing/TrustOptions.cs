using System.CommandLine;

namespace Mesh.Cli.Auditing;

/// <summary>Where a verifier takes the log's public keys from.</summary>
internal sealed class TrustOptions
{
    public Option<string[]> Keys { get; } = new("--vkey")
    {
        Description = "A public key of the log, NAME+HEX+BASE64, that you had from somewhere else than the mesh. May be repeated.",
        HelpName = "VKEY",
    };

    public Option<FileInfo?> File { get; } = new("--trust")
    {
        Description = "A trust.json with public keys. Without it: that of the mesh in --data, else what the mesh says itself.",
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Add(Keys);
        command.Add(File);
    }
}
