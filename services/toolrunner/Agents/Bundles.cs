using System.Collections.Concurrent;
using System.Security.Cryptography;
using Grpc.Core;
using Mesh.Integrity;
using Mesh.Orchestrator.V1;

namespace Mesh.Toolrunner.Agents;

/// <summary>The folders that agents run in: fetched once, checked against their digest, unpacked read-only.</summary>
internal sealed class Bundles(RunnerOptions options, AssignmentService.AssignmentServiceClient orchestrator, ILogger<Bundles> log)
{
    private const long PackedBytesMax = 64L * 1024 * 1024;

    private readonly string root = Path.Combine(Path.GetFullPath(options.Data), "bundles");
    private readonly ConcurrentDictionary<string, SemaphoreSlim> gates = new(StringComparer.Ordinal);

    /// <summary>The folder of this bundle.</summary>
    /// <exception cref="BundleRefusedException">It is not what its digest says, or not a bundle.</exception>
    public async Task<string> ReadyAsync(string tenant, string digest, CancellationToken stop)
    {
        if (!ContentDigest.TryParse(digest, out var expected))
        {
            throw new BundleRefusedException("its digest is none");
        }

        var folder = Path.Combine(root, expected.Hash.ToString());

        // Two versions of a workflow may want the same one at the same time.
        var gate = gates.GetOrAdd(digest, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(stop);

        try
        {
            if (!Directory.Exists(folder))
            {
                await FetchAsync(tenant, expected, folder, stop);
            }

            return folder;
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task FetchAsync(string tenant, ContentDigest expected, string folder, CancellationToken stop)
    {
        // Every agent passes through, and finds only what it knows the digest of.
        Directory.CreateDirectory(root);
        File.SetUnixFileMode(
            root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var draft = Path.Combine(root, $"draft-{Guid.NewGuid():N}");
        var packed = draft + ".tar.gz";

        try
        {
            await DownloadAsync(tenant, expected, packed, stop);
            var (files, bytes) = await BundleArchive.UnpackAsync(packed, draft, stop);

            // Whole or not there at all.
            Directory.Move(draft, folder);
            log.BundleUnpacked(expected.ToString(), files, bytes);
        }
        finally
        {
            File.Delete(packed);

            if (Directory.Exists(draft))
            {
                Directory.Delete(draft, recursive: true);
            }
        }
    }

    private async Task DownloadAsync(string tenant, ContentDigest expected, string path, CancellationToken stop)
    {
        using var stream = orchestrator.GetBundle(
            new GetBundleRequest { Tenant = tenant, Digest = expected.ToString() }, deadline: DateTime.UtcNow.AddMinutes(2), cancellationToken: stop);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);

        await foreach (var part in stream.ResponseStream.ReadAllAsync(stop))
        {
            if (file.Length + part.Chunk.Length > PackedBytesMax)
            {
                throw new BundleRefusedException($"it is larger than {PackedBytesMax} bytes");
            }

            hash.AppendData(part.Chunk.Span);
            await file.WriteAsync(part.Chunk.Memory, stop);
        }

        if (new Hash256(hash.GetHashAndReset()) != expected.Hash)
        {
            throw new BundleRefusedException("its bytes are not those of its digest");
        }
    }
}
