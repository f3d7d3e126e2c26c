using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Policy.Intake;

/// <summary>Refuses fields that are not of their form.</summary>
internal static class Bounds
{
    public static void Name(string text, string field) =>
        Require(Names.IsName(text), field, "must be a name: a lower-case letter, then at most 62 letters, digits or hyphens");

    public static void Length(string text, string field, int max) => Require(text.Length <= max, field, $"must have at most {max} characters");

    public static ContentDigest Digest(string text, string field) =>
        ContentDigest.TryParse(text, out var digest) ? digest : throw Refusals.Invalid(field, "must be sha256: and 64 lower-case hex digits");

    public static Guid Id(string text, string field) =>
        Guid.TryParseExact(text, "D", out var id) ? id : throw Refusals.Invalid(field, "must be a UUID");

    public static void Require(bool holds, string field, string description)
    {
        if (!holds)
        {
            throw Refusals.Invalid(field, description);
        }
    }
}
