using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.ServiceHost;

/// <summary>The public keys that this service verifies tickets with: those of <c>trust.json</c>, and never a peer's word.</summary>
public sealed class TrustStore
{
    // Verifiers allow this much difference between clocks.
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(1);

    private readonly string folder;
    private readonly string path;
    private readonly TimeProvider clock;
    private readonly ILogger<TrustStore> log;
    private readonly Lock reading = new();
    private volatile Trusted trusted;
    private long nextCheck;

    /// <summary>Reads the file; throws when it is absent or damaged.</summary>
    public TrustStore(string keysFolder, TimeProvider clock, ILogger<TrustStore> log)
    {
        this.clock = clock;
        this.log = log;
        folder = keysFolder;
        path = Path.Combine(keysFolder, "trust.json");
        trusted = Read();
    }

    /// <summary>The verifiers of that use whose validity includes now. Empty means: nothing of that use verifies.</summary>
    public IReadOnlyList<NoteVerifier> Verifiers(string use)
    {
        var now = clock.GetUtcNow();
        return [.. Current().Keys.Where(key => key.Use == use && key.NotBefore - Skew <= now && now <= key.NotAfter + Skew).Select(key => key.Verifier)];
    }

    /// <summary>A signer with this service's own seed, under the name that others trust; throws when they do not trust it yet.</summary>
    /// <remarks>The signer holds the key for as long as it is used: keep one per process.</remarks>
    public NoteSigner Signer(string use)
    {
        using var seed = ReadKey("signing.seed");
        var key = SigningKey.FromSeed(seed);

        foreach (var verifier in Verifiers(use))
        {
            var signer = new NoteSigner(verifier.Name, key);

            if (signer.Verifier.ToString() == verifier.ToString())
            {
                return signer;
            }
        }

        key.Dispose();
        throw new InvalidOperationException($"The key in {folder} is not among those that {path} trusts for {use}. Publish it first, sign later.");
    }

    /// <summary>A secret of 32 bytes from this service's own folder, such as <c>root.key</c> or <c>token.pepper</c>.</summary>
    public SecretBytes ReadKey(string name)
    {
        var secret = SecretBytes.Take(File.ReadAllBytes(Path.Combine(folder, name)));
        return secret.Length == 32 ? secret : throw new InvalidDataException($"{Path.Combine(folder, name)} must have 32 bytes, not {secret.Length}.");
    }

    private Trusted Current()
    {
        var now = clock.GetTimestamp();

        if (now < Interlocked.Read(ref nextCheck))
        {
            return trusted;
        }

        lock (reading)
        {
            Interlocked.Exchange(ref nextCheck, now + (long)(CheckEvery.TotalSeconds * clock.TimestampFrequency));

            if (File.GetLastWriteTimeUtc(path) != trusted.Stamp)
            {
                try
                {
                    trusted = Read();
                    log.TrustRead(path, trusted.Keys.Length);
                }
                catch (Exception thrown) when (thrown is IOException or UnauthorizedAccessException or JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
                {
                    log.TrustUnreadable(thrown, path);
                }
            }
        }

        return trusted;
    }

    private Trusted Read()
    {
        var stamp = File.GetLastWriteTimeUtc(path);
        using var file = JsonDocument.Parse(File.ReadAllBytes(path));
        var keys = file.RootElement.GetProperty("keys").EnumerateArray().Select(key => new TrustedKey(
            key.GetProperty("use").GetString() ?? "",
            NoteVerifier.Parse(key.GetProperty("vkey").GetString() ?? ""),
            key.GetProperty("not_before").GetDateTimeOffset(),
            key.GetProperty("not_after").GetDateTimeOffset()));
        return new Trusted([.. keys], stamp);
    }

    private sealed record Trusted(ImmutableArray<TrustedKey> Keys, DateTime Stamp);

    private sealed record TrustedKey(string Use, NoteVerifier Verifier, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
}
