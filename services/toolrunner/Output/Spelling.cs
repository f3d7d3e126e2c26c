namespace Mesh.Toolrunner.Output;

/// <summary>One way to read what stands at a place of a text: so many bytes of it mean these bytes.</summary>
/// <param name="Length">Bytes of the text, at most <see cref="LengthMax"/>.</param>
/// <param name="Count">Bytes that it means, at most 4; none for a line break, which means nothing where lines may be broken.</param>
/// <param name="Meant">These bytes, the first lowest.</param>
internal readonly record struct Spelling(int Length, int Count, uint Meant)
{
    /// <summary>The longest: 12 characters of a reference, each written as a <c>\u</c> escape.</summary>
    public const int LengthMax = 12 * 6;

    /// <summary>As many as one place can have: as it is, as an escape, as an escape in an escape, as a line break.</summary>
    public const int AtOnePlaceMax = 4;

    public byte this[int index] => (byte)(Meant >> (8 * index));

    /// <summary>Every way to read what stands here.</summary>
    /// <param name="text">The text.</param>
    /// <param name="at">A place in it, not its end.</param>
    /// <param name="room">Room for <see cref="AtOnePlaceMax"/>.</param>
    public static ReadOnlySpan<Spelling> At(ReadOnlySpan<byte> text, int at, Span<Spelling> room)
    {
        Span<byte> plain = stackalloc byte[4];
        var found = 0;
        room[found++] = new Spelling(1, 1, text[at]);

        if (Escapes.TryRead(text, at, plain, out var length, out var count))
        {
            room[found++] = Of(length, plain[..count]);
        }

        // JSON in a string of JSON, a reference in one.
        if (Escapes.TryReadNested(text, at, plain, out length, out count))
        {
            room[found++] = Of(length, plain[..count]);
        }

        if (Escapes.LineBreak(text, at) is > 0 and var broken)
        {
            room[found++] = new Spelling(broken, 0, 0);
        }

        return room[..found];
    }

    private static Spelling Of(int length, ReadOnlySpan<byte> plain)
    {
        var meant = 0U;

        for (var i = 0; i < plain.Length; i++)
        {
            meant |= (uint)plain[i] << (8 * i);
        }

        return new Spelling(length, plain.Length, meant);
    }
}
