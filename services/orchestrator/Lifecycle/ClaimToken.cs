using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>What an agent shows to act on a task: the task's id and a secret. Only the secret's hash is stored.</summary>
internal sealed record ClaimToken
{
    private const string Prefix = "mcl_";
    private const int IdBytes = 16;
    private const int SecretBytes = 32;

    private ClaimToken(Guid taskId, byte[] hash)
    {
        TaskId = taskId;
        Hash = hash;
    }

    public Guid TaskId { get; }

    /// <summary>SHA-256 of the secret.</summary>
    public byte[] Hash { get; }

    public static (string Text, ClaimToken Token) New(Guid taskId)
    {
        Span<byte> bytes = stackalloc byte[IdBytes + SecretBytes];
        taskId.TryWriteBytes(bytes, bigEndian: true, out _);
        RandomNumberGenerator.Fill(bytes[IdBytes..]);

        return (Prefix + Base64Url.EncodeToString(bytes), new ClaimToken(taskId, SHA256.HashData(bytes[IdBytes..])));
    }

    public static ClaimToken? Parse(string text)
    {
        Span<byte> bytes = stackalloc byte[IdBytes + SecretBytes];

        return text.Length == Prefix.Length + Base64Url.GetEncodedLength(IdBytes + SecretBytes)
            && text.StartsWith(Prefix, StringComparison.Ordinal)
            && Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length), bytes, out _, out var written) == OperationStatus.Done
            && written == bytes.Length
                ? new ClaimToken(new Guid(bytes[..IdBytes], bigEndian: true), SHA256.HashData(bytes[IdBytes..]))
                : null;
    }

    public override string ToString() => $"a claim of task {TaskId:D}";
}
