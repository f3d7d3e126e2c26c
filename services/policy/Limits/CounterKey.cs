using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Mesh.Integrity;
using Mesh.Policy.Evaluation;

namespace Mesh.Policy.Limits;

/// <summary>Which counter a call uses of a limit: one for each combination of the values of the limit's key.</summary>
/// <remarks>
/// A changed maximum or window goes on with what was counted. Another field, kind or key is another limit and starts anew.
/// </remarks>
internal static class CounterKey
{
    public static Hash256 Of(LimitUse use)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("mesh/limit/v1\n"u8);
        Append(hash, use.Limit.Set);
        Append(hash, use.Limit.Id);
        Append(hash, use.Limit.Kind == LimitKind.Count ? "count" : "amount");
        Append(hash, use.Limit.Field);

        for (var i = 0; i < use.Key.Length; i++)
        {
            Append(hash, use.Limit.Key[i]);
            Append(hash, use.Key[i]);
        }

        return new Hash256(hash.GetHashAndReset());
    }

    // With its length before it, no value can be mistaken for the end of one and the start of the next.
    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
