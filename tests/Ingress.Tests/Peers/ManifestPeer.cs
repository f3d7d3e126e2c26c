using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Tests.Peers;

internal sealed class ManifestPeer(Recorded recorded, MeshServiceOptions options) : Wire.ManifestIntakeService.ManifestIntakeServiceBase
{
    private string Service => Path.GetFileName(options.Keys);

    public override Task<Wire.ApplyManifestsResponse> ApplyManifests(Wire.ApplyManifestsRequest request, ServerCallContext context)
    {
        recorded.Applies.Enqueue((Service, request, context.Principal(), context.BearerToken()));

        if (recorded.ApplyRefuses is { } wish && wish.Service == Service && wish.ValidateOnly == request.ValidateOnly)
        {
            throw wish.Refusal;
        }

        if (!request.ValidateOnly && recorded.ApplyOvertaken is { Times: > 0 } overtaken && overtaken.Service == Service)
        {
            recorded.ApplyOvertaken = overtaken with { Times = overtaken.Times - 1 };
            throw Refusals.Refused(StatusCode.Aborted, Reason.ApplyOvertaken, "Another apply came in between.");
        }

        var response = new Wire.ApplyManifestsResponse();

        if (Service == "policy" && !request.ValidateOnly)
        {
            response.Generation = Interlocked.Increment(ref recorded.Generation);
        }

        response.Applied.AddRange(request.Documents.Select(document => new Wire.AppliedManifest
        {
            Kind = document.Kind,
            Tenant = document.Tenant,
            Name = document.Name,
            Change = Service == "orchestrator" || recorded.Generation > 1 ? Wire.AppliedManifest.Types.Change.Unchanged : Wire.AppliedManifest.Types.Change.Created,
        }));
        response.Findings.Add(new Wire.ManifestFinding { Message = "the same everywhere" });
        return Task.FromResult(response);
    }
}
