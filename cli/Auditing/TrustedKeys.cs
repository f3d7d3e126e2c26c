using System.Text.Json;
using Mesh.Cli.Dev;
using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Auditing;

/// <summary>The public keys that a log is verified with, and where they come from: that is what the verdict is worth.</summary>
internal sealed record TrustedKeys(IReadOnlyList<NoteVerifier> Keys, string Source, bool AreIndependent)
{
    private const string ReceiptUse = "audit-receipt";

    /// <summary>Named keys before a named file, that before the key folder of a mesh here, and that before the mesh's own word.</summary>
    public static async Task<TrustedKeys> FindAsync(Session session, TrustOptions options, CancellationToken stop)
    {
        if (session.Parse.GetValue(options.Keys) is { Length: > 0 } said)
        {
            return new TrustedKeys([.. said.Select(Parse)], "--vkey", AreIndependent: true);
        }

        if (session.Parse.GetValue(options.File) is { } named)
        {
            return Read(named.FullName);
        }

        var file = Path.Combine(new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName).Keys, "audit", KeyFolder.Trust);
        if (session.Parse.GetValue(GlobalOptions.Endpoint) is null && File.Exists(file))
        {
            return Read(file);
        }

        var answer = await new Audit.V1.LogService.LogServiceClient(session.Mesh).GetKeysAsync(new(), cancellationToken: stop);
        return new TrustedKeys([.. answer.Vkeys.Select(Parse)], "the mesh that is verified", AreIndependent: false);
    }

    /// <summary>The keys that may sign the checkpoints of a log: the same key, under the log's own name.</summary>
    public IReadOnlyList<NoteVerifier> For(string tenant) =>
    [
        .. Keys.Where(key => key.Name.EndsWith($"/audit/{tenant}", StringComparison.Ordinal)),
        .. Keys.Where(key => key.Name.EndsWith("/audit", StringComparison.Ordinal))
            .Select(key => new NoteVerifier($"{key.Name}/{tenant}", PublicKeyOf(key))),
    ];

    /// <summary>The keys that a trust file names for the log.</summary>
    public static TrustedKeys Read(string path)
    {
        try
        {
            return new TrustedKeys(
                [.. TrustFile.Read(path).Keys.Where(key => key.Use == ReceiptUse).Select(key => Parse(key.VerifierKey))],
                path,
                AreIndependent: true);
        }
        catch (JsonException)
        {
            throw new ProblemException(Problem.Usage($"{path} is not a trust file."));
        }
    }

    private static NoteVerifier Parse(string vkey) => NoteVerifier.TryParse(vkey, out var verifier)
        ? verifier
        : throw new ProblemException(Problem.Usage($"'{vkey}' is not a verification key of the form NAME+HEX+BASE64."));

    // A verification key is name+id+base64 of a type byte and the key.
    private static byte[] PublicKeyOf(NoteVerifier verifier) => Convert.FromBase64String(verifier.ToString().Split('+', 3)[2])[1..];
}
