using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Manifests;
using Mesh.ServiceHost;
using Mesh.Vault.Definitions;
using Manifest = Mesh.Manifests.V1;

namespace Mesh.Vault.Intake;

/// <summary>The door for manifests, with the token of the person who applies them.</summary>
internal sealed class ManifestEndpoint(PersonCheck people, ManifestIntake intake, ILogger<ManifestEndpoint> log)
    : Manifest.ManifestIntakeService.ManifestIntakeServiceBase
{
    private const int DocumentsMax = 1_000;

    public override async Task<Manifest.ApplyManifestsResponse> ApplyManifests(Manifest.ApplyManifestsRequest request, ServerCallContext context)
    {
        var person = await people.VerifyAsync(context);

        if (request.Documents.Count > DocumentsMax)
        {
            throw Refusals.Invalid("documents", $"must be at most {DocumentsMax}");
        }

        var manifests = Read(request);

        foreach (var (document, _) in manifests)
        {
            var role = RoleFor(document.Kind);

            if (!person.Has(document.Tenant, role))
            {
                throw Refusals.LacksRole(role, document.Tenant);
            }
        }

        var generation = request.Generation == 0 ? (long?)null : request.Generation;

        switch (await intake.ApplyAsync(manifests, generation, request.ValidateOnly, context.CancellationToken))
        {
            case IntakeOutcome.Applied applied:
                if (!request.ValidateOnly)
                {
                    log.ManifestsTaken(applied.Manifests.Count, person.Id);
                }

                return new Manifest.ApplyManifestsResponse { Applied = { applied.Manifests.Select(Write) } };

            case IntakeOutcome.Refused refused:
                throw Invalid(refused.Errors);

            case IntakeOutcome.Overtaken overtaken:
                throw Refusals.Refused(StatusCode.Aborted, Reason.ApplyOvertaken, $"Another apply of the tenant {overtaken.Tenant} came in between; apply again.");

            default:
                throw new InvalidOperationException("An intake has no other outcome.");
        }
    }

    // What a tool may reach, and with which secret, is the vault administrator's to say.
    private static string RoleFor(ManifestKind kind) => kind == ManifestKind.Tenant ? Role.Admin : Role.VaultAdmin;

    private static List<SubmittedManifest> Read(Manifest.ApplyManifestsRequest request)
    {
        var manifests = new List<SubmittedManifest>();
        var errors = new List<IntakeError>();
        var seen = new HashSet<(ManifestKind, string, string)>();

        foreach (var wire in request.Documents)
        {
            // Also kinds that this build does not know: whoever owns them refuses them.
            if (!System.Enum.TryParse<ManifestKind>(wire.Kind, out var kind) || !ManifestIntake.IsKept(kind))
            {
                continue;
            }

            var reading = ManifestReader.ReadCanonical(wire.Canonical.Span);
            errors.AddRange(reading.Errors.Select(error => new IntakeError(wire.Source, error.Field, error.Message)));

            if (reading is not { IsValid: true, Documents: [var document] })
            {
                continue;
            }

            // The envelope is for routing. What counts is in the document.
            if (document.Kind != kind || document.Name != wire.Name || (kind != ManifestKind.Tenant && document.Tenant != wire.Tenant))
            {
                errors.Add(new IntakeError(wire.Source, "metadata", "is not what the request says about the document"));
            }
            else if (!seen.Add((kind, document.Tenant, document.Name)))
            {
                errors.Add(new IntakeError(wire.Source, "metadata.name", "is declared twice"));
            }
            else
            {
                manifests.Add(new SubmittedManifest(document, wire.Source));
            }
        }

        return errors.Count == 0 ? manifests : throw Invalid(errors);
    }

    private static RefusalException Invalid(IReadOnlyList<IntakeError> errors) =>
        new MeshError(StatusCode.InvalidArgument, Reason.ManifestInvalid, $"{errors.Count} errors in the manifests; nothing was applied.")
        {
            Fields = [.. errors.Select(error => new FieldError($"{error.Source} {error.Field}".Trim(), error.Message))],
        }.AsException();

    private static Manifest.AppliedManifest Write(AppliedManifest applied) => new()
    {
        Kind = applied.Document.Kind.ToString(),
        Tenant = applied.Document.Kind == ManifestKind.Tenant ? "" : applied.Document.Tenant,
        Name = applied.Document.Name,
        Digest = applied.Document.Digest.ToString(),
        Change = applied.Change switch
        {
            ManifestChange.Created => Manifest.AppliedManifest.Types.Change.Created,
            ManifestChange.Updated => Manifest.AppliedManifest.Types.Change.Updated,
            _ => Manifest.AppliedManifest.Types.Change.Unchanged,
        },
        AppliedAt = applied.At.ToTimestamp(),
    };
}
