using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Mesh.Integrity;

/// <summary>One pass over a document: writes values as they come, and puts the members of an object in order when it ends.</summary>
internal sealed class Canonicalizer
{
    // What a thread keeps between calls. A single large document does not stay in memory for good.
    private const int KeptBytesMax = 1 << 20;

    private const int PathCharactersMax = 512;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = CanonicalJson.DepthMax + 1 };

    [ThreadStatic]
    private static Canonicalizer? kept;

    private readonly JsonBuffer output = new(1024);
    private readonly JsonBuffer keys = new(256);
    private readonly Frame[] frames = new Frame[CanonicalJson.DepthMax];
    private Member[] members = new Member[32];
    private int memberCount;
    private int depth;
    private bool writes;

    public static bool TryRun(
        ReadOnlySpan<byte> utf8Json,
        int bytesMax,
        [NotNullWhen(true)] out byte[]? canonical,
        [NotNullWhen(false)] out JsonRefusal? refusal)
    {
        var run = Borrow();
        refusal = run.Run(utf8Json, bytesMax, writes: true);
        canonical = refusal is null ? run.output.Written.ToArray() : null;
        run.GiveBack();
        return canonical is not null;
    }

    public static JsonRefusal? Check(ReadOnlySpan<byte> utf8Json, int bytesMax)
    {
        var run = Borrow();
        var refusal = run.Run(utf8Json, bytesMax, writes: false);
        run.GiveBack();
        return refusal;
    }

    private static Canonicalizer Borrow()
    {
        var taken = kept ?? new Canonicalizer();
        kept = null;
        return taken;
    }

    private void GiveBack()
    {
        if (output.Capacity + keys.Capacity <= KeptBytesMax && members.Length <= KeptBytesMax / 32)
        {
            kept = this;
        }
    }

    private JsonRefusal? Run(ReadOnlySpan<byte> utf8Json, int bytesMax, bool writes)
    {
        this.writes = writes;
        output.Truncate(0);
        keys.Truncate(0);
        memberCount = 0;
        depth = 0;

        if (utf8Json.Length > bytesMax)
        {
            return new JsonRefusal(JsonRefusalReason.TooLarge, "");
        }

        if (!Utf8.IsValid(utf8Json))
        {
            return new JsonRefusal(JsonRefusalReason.InvalidUtf8, "");
        }

        var reader = new Utf8JsonReader(utf8Json, Options);

        try
        {
            do
            {
                if (!reader.Read())
                {
                    return Refuse(JsonRefusalReason.NotJson);
                }

                if (Take(ref reader) is { } refusal)
                {
                    return refusal;
                }
            }
            while (depth > 0);
        }
        catch (JsonException)
        {
            return Refuse(JsonRefusalReason.NotJson);
        }

        var rest = utf8Json[(int)reader.BytesConsumed..];
        return rest.ContainsAnyExcept(" \t\r\n"u8) ? new JsonRefusal(JsonRefusalReason.TrailingBytes, "") : null;
    }

    private JsonRefusal? Take(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                return TakeKey(ref reader);

            case JsonTokenType.EndObject:
                return EndObject();

            case JsonTokenType.EndArray:
                depth--;
                output.Write((byte)']');
                return null;
        }

        BeginValue();

        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Open((byte)'{', isObject: true);

            case JsonTokenType.StartArray:
                return Open((byte)'[', isObject: false);

            case JsonTokenType.String:
                return TakeString(ref reader);

            case JsonTokenType.Number:
                return JsonNumber.TryWrite(reader.ValueSpan, output) ? null : Refuse(JsonRefusalReason.NumberNotExact);

            default:
                output.Write(reader.ValueSpan);
                return null;
        }
    }

    // Without this, checking a large document would still collect all of it.
    private void BeginValue()
    {
        if (!writes)
        {
            output.Truncate(0);
        }

        if (depth > 0 && frames[depth - 1] is { IsObject: false })
        {
            ref var frame = ref frames[depth - 1];

            if (frame.Count++ > 0)
            {
                output.Write((byte)',');
            }
        }
    }

    private JsonRefusal? Open(byte bracket, bool isObject)
    {
        if (depth == CanonicalJson.DepthMax)
        {
            return Refuse(JsonRefusalReason.TooDeep);
        }

        output.Write(bracket);
        frames[depth++] = new Frame(isObject, memberCount, keys.Length, output.Length);
        return null;
    }

    private JsonRefusal? TakeString(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            output.Write((byte)'"');
            output.Write(reader.ValueSpan);
            output.Write((byte)'"');
            return null;
        }

        // The end of the keys serves as scratch space: what is written there is taken back at once.
        var start = keys.Length;

        if (!JsonText.TryUnescape(reader.ValueSpan, keys))
        {
            keys.Truncate(start);
            return Refuse(JsonRefusalReason.LoneSurrogate);
        }

        output.WriteString(keys.Slice(start, keys.Length));
        keys.Truncate(start);
        return null;
    }

    private JsonRefusal? TakeKey(ref Utf8JsonReader reader)
    {
        ref var frame = ref frames[depth - 1];
        EndMember(ref frame);

        if (memberCount == members.Length)
        {
            Array.Resize(ref members, members.Length * 2);
        }

        var keyStart = keys.Length;
        var plain = JsonText.TryUnescape(reader.ValueSpan, keys);
        members[memberCount++] = new Member(keyStart, keys.Length, output.Length, 0);
        frame.Count++;

        if (!plain)
        {
            return Refuse(JsonRefusalReason.LoneSurrogate);
        }

        // Most senders write keys in order, and then there is nothing to sort.
        if (frame.Count > 1 && frame.InOrder && Compare(members[memberCount - 2], members[memberCount - 1]) >= 0)
        {
            frame.InOrder = false;
        }

        output.WriteString(keys.Slice(keyStart, keys.Length));
        output.Write((byte)':');
        return null;
    }

    private void EndMember(ref Frame frame)
    {
        if (frame.Count > 0)
        {
            members[memberCount - 1].End = output.Length;

            if (writes)
            {
                output.Write((byte)',');
            }
        }
    }

    private JsonRefusal? EndObject()
    {
        ref var frame = ref frames[depth - 1];

        if (frame.Count > 0)
        {
            members[memberCount - 1].End = output.Length;
        }

        if (!frame.InOrder && Reorder(frame) is { } refusal)
        {
            return refusal;
        }

        memberCount = frame.FirstMember;
        keys.Truncate(frame.FirstKey);
        depth--;
        output.Write((byte)'}');
        return null;
    }

    private JsonRefusal? Reorder(Frame frame)
    {
        var own = members.AsSpan(frame.FirstMember, frame.Count);
        own.Sort(Compare);

        for (var i = 1; i < own.Length; i++)
        {
            if (Compare(own[i - 1], own[i]) == 0)
            {
                // The pointer names the last key seen, so the repeated one is put there.
                members[memberCount - 1] = own[i];
                return Refuse(JsonRefusalReason.DuplicateKey);
            }
        }

        if (!writes)
        {
            return null;
        }

        // The ordered copy is written behind the object, then moved over it.
        var end = output.Length;

        foreach (var member in own)
        {
            if (output.Length > end)
            {
                output.Write((byte)',');
            }

            output.Room(member.End - member.Start);
            output.Write(output.Slice(member.Start, member.End));
        }

        output.Slice(end, output.Length).CopyTo(output.Slice(frame.Start, end));
        output.Truncate(end);
        return null;
    }

    private int Compare(Member left, Member right) =>
        JsonText.CompareAsUtf16(keys.Slice(left.KeyStart, left.KeyEnd), keys.Slice(right.KeyStart, right.KeyEnd));

    private JsonRefusal Refuse(JsonRefusalReason reason)
    {
        var path = new StringBuilder();

        for (var i = 0; i < depth && path.Length < PathCharactersMax; i++)
        {
            var frame = frames[i];

            if (!frame.IsObject)
            {
                path.Append('/').Append(Math.Max(frame.Count - 1, 0));
                continue;
            }

            if (frame.Count == 0)
            {
                break;
            }

            var last = i + 1 < depth ? frames[i + 1].FirstMember - 1 : memberCount - 1;
            var key = Encoding.UTF8.GetString(keys.Slice(members[last].KeyStart, members[last].KeyEnd));
            path.Append('/').Append(key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        }

        if (path.Length > PathCharactersMax)
        {
            path.Length = PathCharactersMax;
            path.Append('…');
        }

        return new JsonRefusal(reason, path.ToString());
    }

    private struct Frame(bool isObject, int firstMember, int firstKey, int start)
    {
        public readonly bool IsObject = isObject;
        public readonly int FirstMember = firstMember;
        public readonly int FirstKey = firstKey;

        /// <summary>Where the first member begins in the output.</summary>
        public readonly int Start = start;

        /// <summary>Members or elements so far.</summary>
        public int Count;

        public bool InOrder = true;
    }

    private struct Member(int keyStart, int keyEnd, int start, int end)
    {
        public readonly int KeyStart = keyStart;
        public readonly int KeyEnd = keyEnd;
        public readonly int Start = start;
        public int End = end;
    }
}
