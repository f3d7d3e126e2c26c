using Google.Protobuf;
using Grpc.Core;

namespace Mesh.Cli.Applying;

/// <summary>Uploads the bundles that the mesh does not have yet. Nothing uses them before a workflow names them.</summary>
internal sealed class BundleUpload(Orchestrator.V1.BundleService.BundleServiceClient bundles, TextWriter progress)
{
    private const int ChunkBytes = 512 * 1024;

    public async Task SendMissingAsync(string tenant, IReadOnlyList<Bundle> packed, CancellationToken stop)
    {
        var missing = await bundles.FindMissingBundlesAsync(
            new Orchestrator.V1.FindMissingBundlesRequest { Tenant = tenant, Digests = { packed.Select(bundle => bundle.Digest.ToString()) } },
            cancellationToken: stop);

        foreach (var digest in missing.Digests.Distinct())
        {
            if (packed.FirstOrDefault(bundle => bundle.Digest.ToString() == digest) is { } wanted)
            {
                await SendAsync(tenant, wanted, stop);
            }
        }
    }

    private async Task SendAsync(string tenant, Bundle bundle, CancellationToken stop)
    {
        using var call = bundles.UploadBundle(cancellationToken: stop);
        using var answered = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAll(WriteAsync(call.RequestStream, tenant, bundle, answered.Token), HearAsync());

        // Once the mesh has answered, nobody makes room for the rest, and the library leaves a write that waits for it waiting for ever.
        async Task HearAsync()
        {
            try
            {
                await call.ResponseAsync;
            }
            finally
            {
                await answered.CancelAsync();
            }
        }
    }

    private async Task WriteAsync(IClientStreamWriter<Orchestrator.V1.UploadBundleRequest> stream, string tenant, Bundle bundle, CancellationToken answered)
    {
        var size = bundle.Content.Length;
        try
        {
            for (var at = 0; at < size; at += ChunkBytes)
            {
                var part = bundle.Content.Slice(at, Math.Min(ChunkBytes, size - at));
                var request = new Orchestrator.V1.UploadBundleRequest { Chunk = UnsafeByteOperations.UnsafeWrap(part) };
                if (at == 0)
                {
                    (request.Tenant, request.Digest) = (tenant, bundle.Digest.ToString());
                }

                await stream.WriteAsync(request, answered);
                await progress.WriteAsync($"\ruploading {bundle.Digest.ToString()[..15]}  {100L * (at + part.Length) / size,3} %");
            }

            await stream.CompleteAsync();
        }
        catch (Exception error) when (error is InvalidOperationException or RpcException or OperationCanceledException)
        {
            // The mesh answered before the end: its answer says why.
        }

        await progress.WriteLineAsync();
    }
}
