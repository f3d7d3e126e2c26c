using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>Applies manifests everywhere or, when anything is wrong with them anywhere, nowhere.</summary>
/// <remarks>
/// Its order among the applies of a tenant is policy's word, and the other owners refuse one that a later one has overtaken. It is
/// then begun again, as the latest: so all owners end with the same manifests, whichever ingress asked them and when.
/// </remarks>
internal sealed class ManifestEndpoint(ManifestOwners owners, ILogger<ManifestEndpoint> log) : V1.ManifestService.ManifestServiceBase
{
    // Each pass is the latest when it begins, so only a crowd that applies to one tenant at once can use them up.
    private const int PassesMax = 10;

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
            answers.Add(await owners.ValidateAsync(owner, documents, context));
        }

        return AppliedChanges.Merge(request.DryRun ? answers : await ApplyAsync(documents, context));
    }

    private async Task<List<Wire.ApplyManifestsResponse>> ApplyAsync(IReadOnlyList<Wire.ManifestDocument> documents, ServerCallContext context)
    {
        var principal = context.GetHttpContext().Features.Get<Principal>()?.Id ?? "";

        // Of all passes: what the overtaken one changed is no news to the next, and is told all the same.
        var taken = new List<(string Owner, Wire.ApplyManifestsResponse Answer)>();

        for (var pass = 1; ; pass++)
        {
            try
            {
                await PassAsync(documents, taken, principal, context);
                log.ManifestsApplied(principal, documents.Count);
                return [.. taken.Select(each => each.Answer)];
            }
            catch (RpcException refusal) when (pass < PassesMax && IsOvertaken(refusal))
            {
                log.ApplyOvertaken(principal, pass);
            }
        }
    }

    private async Task PassAsync(
        IReadOnlyList<Wire.ManifestDocument> documents, List<(string Owner, Wire.ApplyManifestsResponse Answer)> taken, string principal, ServerCallContext context)
    {
        var generation = 0L;

        foreach (var owner in ManifestOwners.InOrder)
        {
            try
            {
                var answer = await owners.ApplyAsync(owner, documents, generation, context);
                taken.Add((owner, answer));
                generation = Math.Max(generation, answer.Generation);
            }
            catch (Exception failure) when (failure is RefusalException or RpcException && taken.Count > 0 && !IsOvertaken(failure))
            {
                log.ApplyInterrupted(principal, owner);
                throw Interrupted(failure, owner, taken.Select(each => each.Owner).Distinct());
            }
        }
    }

    private static bool IsOvertaken(Exception failure) => failure is RpcException refusal && RpcFailure.Read(refusal).Reason == Reason.ApplyOvertaken;

    private static RefusalException Interrupted(Exception failure, string owner, IEnumerable<string> taken)
    {
        var error = failure switch
        {
            RefusalException refusal => refusal.Error,
            RpcException refusal when RpcFailure.Read(refusal) is { Reason: not (Reason.Unspecified or Reason.Internal) } said => said.ToError(),
            _ => new MeshError(StatusCode.Internal, Reason.Internal, $"Something went wrong in the service {owner} that should not have."),
        };

        return (error with
        {
            Message = $"{error.Message} The apply was interrupted at {owner}, after {string.Join(" and ", taken)} took the manifests. Apply them again to finish it.",
        }).AsException();
    }
}
