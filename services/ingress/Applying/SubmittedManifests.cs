using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>The manifests of one apply, read from their files and ready for the services that keep them.</summary>
/// <param name="Documents">In the order in which they are applied.</param>
/// <param name="BundlesNeeded">Folders that are still to be packed; a dry run asks for them, an apply is refused.</param>
internal sealed record SubmittedManifests(IReadOnlyList<Wire.ManifestDocument> Documents, IReadOnlyList<V1.BundleNeeded> BundlesNeeded)
{
    private const int FilesMax = 100;
    private const int DocumentsMax = 1_000;
    private const int BytesMax = 4 * 1024 * 1024;
    private const int NameLengthMax = 255;
    private const int ErrorsMax = 100;

    /// <summary>Reads the files; refuses with every error that can be found here.</summary>
    public static SubmittedManifests Read(V1.ApplyRequest request)
    {
        CheckBounds(request);
        var errors = new List<FieldError>();
        var documents = new List<Submitted>();

        foreach (var file in request.Files)
        {
            var reading = ManifestReader.Read(file.Name, file.Text);
            errors.AddRange(reading.Errors.Select(error => Write(error)));
            documents.AddRange(reading.Documents.Select(document => new Submitted(document, PlaceOf(document))));
        }

        errors.AddRange(documents.GroupBy(each => (each.Document.Kind, each.Document.Tenant, each.Document.Name)).SelectMany(same => same.Skip(1)).Select(
            twice => new FieldError($"{twice.Source} metadata.name", $"{twice.Document} is declared twice")));
        var needed = new List<V1.BundleNeeded>();
        documents = PutBundles(documents, request, needed, errors);

        if (documents.Count > DocumentsMax)
        {
            errors.Add(new FieldError("files", $"hold {documents.Count} documents, the limit is {DocumentsMax}"));
        }

        if (documents.Sum(each => (long)each.Document.Canonical.Length) > BytesMax)
        {
            errors.Add(new FieldError("files", $"hold more than {BytesMax} bytes of documents, which is the limit"));
        }

        return errors.Count == 0
            ? new SubmittedManifests([.. documents.OrderBy(each => each.Document.Kind).Select(Write)], needed)
            : throw Invalid(errors);
    }

    public static RefusalException Invalid(IReadOnlyCollection<FieldError> errors) =>
        new MeshError(StatusCode.InvalidArgument, Reason.ManifestInvalid, $"{errors.Count} {(errors.Count == 1 ? "error" : "errors")} in the manifests; nothing was applied.")
        {
            Fields = [.. errors.Take(ErrorsMax)],
        }.AsException();

    private static void CheckBounds(V1.ApplyRequest request)
    {
        if (request.Files.Count is 0 or > FilesMax)
        {
            throw Refusals.Invalid("files", $"must be 1 to {FilesMax}");
        }

        foreach (var (index, file) in request.Files.Index())
        {
            if (file.Name.Length > NameLengthMax || file.Name.Any(char.IsControl))
            {
                throw Refusals.Invalid($"files[{index}].name", $"must be at most {NameLengthMax} characters, and none of them a control character");
            }
        }
    }

    // A folder on somebody's disk means nothing to a service; the digest of what was in it does.
    private static List<Submitted> PutBundles(
        List<Submitted> documents, V1.ApplyRequest request, List<V1.BundleNeeded> needed, List<FieldError> errors)
    {
        var bundles = request.Bundles;
        var unused = bundles.Keys.ToHashSet();
        var packed = new List<Submitted>();

        foreach (var each in documents)
        {
            var key = $"{each.Document.Tenant}/{each.Document.Name}";

            if (each.Document.Content is not WorkflowManifest workflow || (workflow.Agent.Directory is null && !bundles.ContainsKey(key)))
            {
                packed.Add(each);
                continue;
            }

            unused.Remove(key);

            if (workflow.Agent.Directory is null)
            {
                errors.Add(new FieldError($"bundles[{key}]", "is for a workflow that names its bundle itself"));
            }
            else if (!bundles.TryGetValue(key, out var text) && request.DryRun)
            {
                needed.Add(Need(each.Document, workflow.Agent.Directory));
            }
            else if (text is null)
            {
                errors.Add(new FieldError($"{each.Source} spec.agent.process.directory", $"was not packed: bundles must hold a digest for {key}"));
            }
            else if (!ContentDigest.TryParse(text, out var digest))
            {
                errors.Add(new FieldError($"bundles[{key}]", "must be sha256: and 64 lower-case hex digits"));
            }
            else
            {
                packed.Add(each with { Document = each.Document.WithBundle(digest) });
            }
        }

        errors.AddRange(unused.Select(key => new FieldError($"bundles[{key}]", "is for no workflow of these files")));
        return packed;
    }

    private static V1.BundleNeeded Need(ManifestDocument document, string directory) => new()
    {
        Tenant = document.Tenant,
        Workflow = document.Name,
        Directory = directory,
        File = document.File,
    };

    private static FieldError Write(ManifestError error)
    {
        var place = error.Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{error.File}:{error.Line}:{error.Column}") : error.File;
        return new FieldError($"{place} {error.Field}".Trim(), error.Message);
    }

    private static string PlaceOf(ManifestDocument document) => string.Create(CultureInfo.InvariantCulture, $"{document.File}:{document.Line}");

    private static Wire.ManifestDocument Write(Submitted each) => new()
    {
        Kind = each.Document.Kind.ToString(),
        Tenant = each.Document.Kind == ManifestKind.Tenant ? "" : each.Document.Tenant,
        Name = each.Document.Name,
        Canonical = ByteString.CopyFrom(each.Document.Canonical.Span),
        Source = each.Source,
    };

    private sealed record Submitted(ManifestDocument Document, string Source);
}
