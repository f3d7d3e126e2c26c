using Change = Mesh.Manifests.V1.AppliedManifest.Types.Change;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>What the owners said that they changed, as one answer.</summary>
internal static class AppliedChanges
{
    public static V1.ApplyResponse Merge(IReadOnlyList<Wire.ApplyManifestsResponse> answers) => new()
    {
        // The last owner keeps every kind, so its digests and times are those that mesh get shows later.
        Applied = { answers.SelectMany(answer => answer.Applied).GroupBy(each => (each.Kind, each.Tenant, each.Name)).Select(Merge) },
        Findings = { answers.SelectMany(answer => answer.Findings).Distinct() },
    };

    private static Wire.AppliedManifest Merge(IEnumerable<Wire.AppliedManifest> same)
    {
        var merged = same.Last().Clone();

        // An apply that was interrupted is finished by its repetition: then some have it already, and it is news for others.
        if (merged.Change == Change.Unchanged && same.FirstOrDefault(each => each.Change is Change.Created or Change.Updated) is { } changed)
        {
            merged.Change = changed.Change;
            merged.AppliedAt = changed.AppliedAt;
        }

        return merged;
    }
}
