using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Manifests;
using Mesh.Policy.Access;
using Mesh.Policy.Versions;
using Mesh.ServiceHost;
using Wired = Mesh.Manifests.V1;

namespace Mesh.Policy.Intake;

/// <summary>Takes what users declare, from the person who applies it and in no other way.</summary>
internal sealed class ManifestEndpoint(Caller caller, ManifestLedger ledger) : Wired.ManifestIntakeService.ManifestIntakeServiceBase
{
    private const int DocumentsMax = 1_000;
    private const int BytesMax = 4 * 1024 * 1024;

    // Of the other kinds policy keeps no copy: nothing that it decides depends on them.
    private static readonly ImmutableArray<ManifestKind> Kept =
        [ManifestKind.Tenant, ManifestKind.Integration, ManifestKind.Tool, ManifestKind.Workflow, ManifestKind.PolicySet];

    public override async Task<Wired.ApplyManifestsResponse> ApplyManifests(Wired.ApplyManifestsRequest request, ServerCallContext context)
    {
        Bounds.Require(request.Documents.Count <= DocumentsMax, "documents", $"must be at most {DocumentsMax}");

        if (request.Documents.Sum(d => (long)d.Canonical.Length) > BytesMax)
        {
            throw new MeshError(StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"The manifests have more than {BytesMax} bytes.")
                .With("limit_bytes", $"{BytesMax}").AsException();
        }

        var principal = await caller.VerifyAsync(context);
        var submitted = Read(request);

        foreach (var document in submitted.Select(s => s.Document))
        {
            var right = document.Kind == ManifestKind.PolicySet ? Right.ApplyPolicySets : Right.ApplyDefinitions;

            if (!principal.May(right, document.Tenant))
            {
                throw Refusals.LacksRole(Rights.RoleFor(right), document.Tenant);
            }
        }

        return await ledger.ApplyAsync(submitted, principal.Actor(), request.ValidateOnly, context.CancellationToken) switch
        {
            LedgerAnswer.Applied applied => Write(applied),
            LedgerAnswer.TestsFailed failed => throw Refuse(Reason.PolicyTestFailed, failed.Faults),
            LedgerAnswer.Invalid invalid => throw Refuse(Reason.ManifestInvalid, invalid.Faults),
            var other => throw new System.Diagnostics.UnreachableException($"{other} has no status."),
        };
    }

    private static ImmutableArray<SubmittedManifest> Read(Wired.ApplyManifestsRequest request)
    {
        var submitted = ImmutableArray.CreateBuilder<SubmittedManifest>();
        var faults = ImmutableArray.CreateBuilder<ManifestFault>();

        foreach (var wired in request.Documents)
        {
            // A kind that this version does not know, it does not keep either.
            if (!System.Enum.TryParse<ManifestKind>(wired.Kind, out var kind) || !Kept.Contains(kind))
            {
                continue;
            }

            var reading = ManifestReader.ReadCanonical(wired.Canonical.Span);
            faults.AddRange(reading.Errors.Select(error => new ManifestFault(wired.Source, error.Field, error.Message)));

            if (reading is { IsValid: true, Documents: [var document] })
            {
                submitted.Add(new SubmittedManifest(document, wired.Source));

                if (document.Kind != kind || document.Name != wired.Name || (kind != ManifestKind.Tenant && document.Tenant != wired.Tenant))
                {
                    faults.Add(new ManifestFault(wired.Source, "metadata", $"says {document}, the request says {wired.Kind} {wired.Tenant}/{wired.Name}"));
                }
            }
        }

        var twins = submitted.GroupBy(s => (s.Document.Kind, s.Document.Tenant, s.Document.Name)).Where(g => g.Count() > 1);
        faults.AddRange(twins.Select(g => new ManifestFault(g.Last().Source, "metadata.name", $"{g.First().Document} is declared twice, also in {g.First().Source}")));
        return faults.Count == 0 ? submitted.ToImmutable() : throw Refuse(Reason.ManifestInvalid, faults.ToImmutable());
    }

    private static Wired.ApplyManifestsResponse Write(LedgerAnswer.Applied applied) => new()
    {
        Applied =
        {
            applied.Documents.Select(d => new Wired.AppliedManifest
            {
                Kind = d.Document.Kind.ToString(),
                Tenant = d.Document.Kind == ManifestKind.Tenant ? "" : d.Document.Tenant,
                Name = d.Document.Name,
                Digest = d.Document.Digest.ToString(),
                Change = d.Change switch
                {
                    ManifestChange.Created => Wired.AppliedManifest.Types.Change.Created,
                    ManifestChange.Updated => Wired.AppliedManifest.Types.Change.Updated,
                    _ => Wired.AppliedManifest.Types.Change.Unchanged,
                },
                AppliedAt = d.At.ToTimestamp(),
            }),
        },
        Findings = { applied.Findings.Select(f => new Wired.ManifestFinding { Source = f.Source, Field = f.Field, Message = f.Message }) },
        Generation = applied.Generation ?? 0,
    };

    private static RefusalException Refuse(Reason reason, ImmutableArray<ManifestFault> faults) =>
        new MeshError(StatusCode.InvalidArgument, reason, string.Join("; ", faults.Take(3).Select(Line)))
        {
            Fields = [.. faults.Select(f => new FieldError($"{f.Source}: {f.Field}", f.Message))],
        }.AsException();

    private static string Line(ManifestFault fault) => $"{fault.Source}: {fault.Field}: {fault.Message}";
}
