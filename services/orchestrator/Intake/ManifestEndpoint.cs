using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Manifests;
using Mesh.Orchestrator.Manifests;
using Mesh.ServiceHost;
using Apply = Mesh.Manifests.V1;

namespace Mesh.Orchestrator.Intake;

/// <summary>Takes the orchestrator's copy of what users declare. Policy sets are only kept to be shown: policy decides by its own copy.</summary>
internal sealed class ManifestEndpoint(CatalogWriter catalog, TimeProvider clock)
    : Apply.ManifestIntakeService.ManifestIntakeServiceBase
{
    private const int DocumentsMax = 1_000;

    public override async Task<Apply.ApplyManifestsResponse> ApplyManifests(
        Apply.ApplyManifestsRequest request, ServerCallContext context)
    {
        if (request.Documents.Count > DocumentsMax)
        {
            throw Refusals.Invalid("documents", $"must be at most {DocumentsMax}");
        }

        var documents = new List<ManifestDocument>();

        foreach (var wire in request.Documents)
        {
            var reading = ManifestReader.ReadCanonical(wire.Canonical.Span);

            if (!reading.IsValid)
            {
                throw Invalid(reading.Errors.Select(e => new FieldError(wire.Source, e.ToString())));
            }

            documents.Add(reading.Documents[0]);
        }

        foreach (var tenant in documents.Select(d => d.Tenant).Distinct())
        {
            context.RequireRole(tenant, Role.Operator, Role.PolicyAdmin);
        }

        var generation = request.Generation == 0 ? (long?)null : request.Generation;

        return await catalog.ApplyAsync(documents, generation, context.Principal().Id, request.ValidateOnly, context.CancellationToken) switch
        {
            CatalogChange.Done done => new Apply.ApplyManifestsResponse
            {
                Applied = { done.Documents.Select(Write) },
                Findings =
                {
                    done.Remarks.Select(r => new Apply.ManifestFinding { Source = r.File, Field = r.Field, Message = r.Message }),
                },
            },
            CatalogChange.Refused refused => throw Invalid(refused.Errors.Select(e => new FieldError(e.Field, e.ToString()))),
            CatalogChange.Overtaken overtaken => throw Refusals.Refused(
                StatusCode.Aborted, Reason.ApplyOvertaken, $"Another apply of the tenant {overtaken.Tenant} came in between; apply again."),
            _ => throw new InvalidOperationException("An apply is done or refused."),
        };
    }

    private Apply.AppliedManifest Write(AppliedDocument applied) => new()
    {
        Kind = applied.Document.Kind.ToString(),
        Tenant = applied.Document.Kind == ManifestKind.Tenant ? "" : applied.Document.Tenant,
        Name = applied.Document.Name,
        Digest = applied.Document.Digest.ToString(),
        Change = (Apply.AppliedManifest.Types.Change)applied.Change,
        AppliedAt = clock.GetUtcNow().ToTimestamp(),
    };

    private static RefusalException Invalid(IEnumerable<FieldError> fields)
    {
        var all = fields.ToList();

        return new MeshError(StatusCode.InvalidArgument, Reason.ManifestInvalid, $"{all[0].Description}{(all.Count > 1 ? $" (and {all.Count - 1} more)" : "")}")
        {
            Fields = [.. all],
        }.AsException();
    }
}
