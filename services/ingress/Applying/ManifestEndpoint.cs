using Grpc.Core;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>Applies manifests everywhere or, when anything is wrong with them anywhere, nowhere.</summary>
internal sealed class ManifestEndpoint(ManifestOwners owners, ILogger<ManifestEndpoint> log) : V1.ManifestService.ManifestServiceBase
{
    public override async Task<V1.ApplyResponse> Apply(V1.ApplyRequest request, ServerCallContext context)
    {
        var (documents, needed) = SubmittedManifests.Read(request);

        if (needed.Count > 0)
        {
            // Without the digests the owners would be asked about other documents than will be applied.
            return new V1.ApplyResponse { BundlesNeeded = { needed } };
        }

        var answers = new List<Wire.ApplyManifestsResponse>();

        foreach (var owner in ManifestOwners.InOrder)
        {
            answers.Add(await owners.AskAsync(owner, documents, validateOnly: true, context));
        }

        return AppliedChanges.Merge(request.DryRun ? answers : await ApplyAsync(documents, context));
    }

    private async Task<List<Wire.ApplyManifestsResponse>> ApplyAsync(IReadOnlyList<Wire.ManifestDocument> documents, ServerCallContext context)
    {
        var principal = context.GetHttpContext().Features.Get<Principal>()?.Id ?? "";
        var answers = new List<Wire.ApplyManifestsResponse>();

        foreach (var owner in ManifestOwners.InOrder)
        {
            try
            {
                answers.Add(await owners.AskAsync(owner, documents, validateOnly: false, context));
            }
            catch (Exception failure) when (failure is RefusalException or RpcException && answers.Count > 0)
            {
                log.ApplyInterrupted(principal, owner);
                throw;
            }
        }

        log.ManifestsApplied(principal, documents.Count);
        return answers;
    }
}
