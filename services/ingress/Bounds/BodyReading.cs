namespace Mesh.Ingress.Bounds;

/// <summary>What came of reading a body.</summary>
internal abstract record BodyReading
{
    internal sealed record Whole(byte[] Bytes) : BodyReading;

    internal sealed record TooLarge : BodyReading;

    internal sealed record TooSlow : BodyReading;

    /// <summary>It ended before its end.</summary>
    internal sealed record Broken : BodyReading;
}
