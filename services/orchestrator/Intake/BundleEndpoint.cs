using System.Security.Cryptography;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Orchestrator.Journal;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>The programs of agents: stored once by what they are.</summary>
internal sealed class BundleEndpoint(JournalStore store) : V1.BundleService.BundleServiceBase
{
    private const int BundleBytesMax = 64 * 1024 * 1024;
    private const int DigestsMax = 1_000;

    public override async Task<V1.FindMissingBundlesResponse> FindMissingBundles(
        V1.FindMissingBundlesRequest request, ServerCallContext context)
    {
        context.RequireRole(request.Tenant, Role.Operator, Role.PolicyAdmin);

        if (request.Digests.Count > DigestsMax)
        {
            throw Refusals.Invalid("digests", $"must be at most {DigestsMax}");
        }

        await using var command = store.Command(
            "select digest from orchestrator.bundle where tenant_id = $1 and digest = any($2)", request.Tenant, request.Digests.ToArray());
        await using var rows = await command.ExecuteReaderAsync(context.CancellationToken);
        var known = new HashSet<string>(StringComparer.Ordinal);

        while (await rows.ReadAsync(context.CancellationToken))
        {
            known.Add(rows.GetString(0));
        }

        return new V1.FindMissingBundlesResponse { Digests = { request.Digests.Where(d => !known.Contains(d)) } };
    }

    public override async Task<V1.UploadBundleResponse> UploadBundle(
        IAsyncStreamReader<V1.UploadBundleRequest> requestStream, ServerCallContext context)
    {
        var (tenant, digest) = ("", default(ContentDigest));
        using var bytes = new MemoryStream();

        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            if (tenant.Length == 0)
            {
                tenant = request.Tenant;
                context.RequireRole(tenant, Role.Operator, Role.PolicyAdmin);

                if (!ContentDigest.TryParse(request.Digest, out digest))
                {
                    throw Refusals.Invalid("digest", "must be sha256: and 64 hex digits");
                }
            }

            if (bytes.Length + request.Chunk.Length > BundleBytesMax)
            {
                throw new MeshError(StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"A bundle is at most {BundleBytesMax / 1024 / 1024} MiB.")
                    .With("limit_bytes", $"{BundleBytesMax}").AsException();
            }

            request.Chunk.WriteTo(bytes);
        }

        var content = bytes.ToArray();

        if (tenant.Length == 0 || !SHA256.HashData(content).AsSpan().SequenceEqual(digest.Hash.ToArray()))
        {
            throw Refusals.Invalid("digest", "is not that of the bytes that arrived");
        }

        await using var command = store.Command(
            "insert into orchestrator.bundle(tenant_id, digest, bytes) values ($1, $2, $3) on conflict do nothing",
            tenant,
            digest.ToString(),
            content);
        await command.ExecuteNonQueryAsync(context.CancellationToken);

        return new V1.UploadBundleResponse { Digest = digest.ToString(), Bytes = content.Length };
    }
}
