using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>One entry before it has an index: what is hashed into the tree, and beside it what the hash commits to.</summary>
internal sealed record Leaf
{
    /// <summary>Canonical JSON of at most <see cref="LeafText.BytesMax"/>.</summary>
    public required byte[] Text { get; init; }

    public required Hash256 Hash { get; init; }

    public required string Kind { get; init; }

    /// <summary>As the text says it, to the millisecond.</summary>
    public required DateTimeOffset Time { get; init; }

    public required Guid? Task { get; init; }

    /// <summary>The evidence, verbatim: a serialised fact, or the decision note of an intent.</summary>
    public required byte[] Payload { get; init; }

    public required byte[] Salt { get; init; }
}
