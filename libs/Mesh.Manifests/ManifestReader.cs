using System.Text;
using System.Text.Json;
using Mesh.Integrity;
using Mesh.Manifests.Reading;
using Mesh.Manifests.Source;

namespace Mesh.Manifests;

/// <summary>Reads manifests. What is wrong comes back as errors with file, line and field; nothing throws.</summary>
public static class ManifestReader
{
    /// <summary>The largest file; one byte more is refused unread.</summary>
    public const int FileBytesMax = 256 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the documents of a YAML file.</summary>
    public static ManifestReading Read(string fileName, ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > FileBytesMax)
        {
            return Refused(fileName, $"has {utf8.Length} bytes, the limit is {FileBytesMax}");
        }

        // Editors put a mark in front of UTF-8; it means nothing.
        if (utf8 is [0xEF, 0xBB, 0xBF, .. var rest])
        {
            utf8 = rest;
        }

        try
        {
            return ReadYaml(fileName, StrictUtf8.GetString(utf8));
        }
        catch (DecoderFallbackException e)
        {
            return Refused(fileName, $"is not UTF-8 (byte {e.Index})");
        }
    }

    /// <summary>Reads the documents of a YAML text.</summary>
    public static ManifestReading Read(string fileName, string text) => ByteCount(text) switch
    {
        null => Refused(fileName, "holds half of a surrogate pair"),
        > FileBytesMax => Refused(fileName, $"has more than {FileBytesMax} bytes, which is the limit"),
        _ => ReadYaml(fileName, text.TrimStart('\uFEFF')),
    };

    /// <summary>Reads one document from canonical JSON. Bytes that are not in canonical form are refused.</summary>
    public static ManifestReading ReadCanonical(ReadOnlySpan<byte> canonical)
    {
        if (!CanonicalJson.TryCanonicalize(canonical, out var bytes, out var refusal, FileBytesMax))
        {
            return Refused("", $"is not a canonical JSON document: {refusal}");
        }

        if (!canonical.SequenceEqual(bytes))
        {
            return Refused("", "is JSON, but not in canonical form");
        }

        var findings = new Findings("");
        var document = DocumentReader.Read(JsonSource.Read(JsonElement.Parse(canonical)), findings);
        return new ManifestReading(document is null ? [] : [document], findings.Errors);
    }

    private static ManifestReading ReadYaml(string fileName, string text)
    {
        var findings = new Findings(fileName);
        var roots = YamlSource.Read(text, findings);

        // A file whose YAML is in doubt has no documents that could be trusted; its other errors are still worth telling.
        var isSound = findings.Errors.Count == 0;
        var documents = roots.Select(root => DocumentReader.Read(root, findings)).OfType<ManifestDocument>().ToList();

        if (roots.Count == 0 && isSound)
        {
            findings.Add(1, 1, FieldPath.Root, "holds no document");
        }

        return new ManifestReading(isSound ? documents : [], findings.Errors);
    }

    private static int? ByteCount(string text)
    {
        try
        {
            return StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return null;
        }
    }

    private static ManifestReading Refused(string fileName, string message) => new([], [new ManifestError(fileName, 0, 0, "", message)]);
}
