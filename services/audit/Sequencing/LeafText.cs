using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>Writes leaves. They say what happened and never with which content: of that they hold a salted hash.</summary>
internal static class LeafText
{
    public const int BytesMax = 16 * 1024;

    private const int Version = 1;

    // A JSON number is exact up to here.
    private const long ExactIntegerMax = (1L << 53) - 1;

    // What is longer is left to the payload: a leaf must fit, whoever wrote the fact.
    private const int StringLengthMax = 256;

    private static readonly JsonWriterOptions Options = new() { SkipValidation = true };

    public static Leaf Write(LeafSubject subject, byte[] payload)
    {
        var salt = RandomNumberGenerator.GetBytes(Hash256.Size);
        var buffer = new ArrayBufferWriter<byte>(1024);

        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("v"u8, Version);
            json.WriteString("type"u8, subject.Type);
            json.WriteString("kind"u8, subject.Kind);
            json.WriteString("id"u8, Guid.CreateVersion7());
            json.WriteString("time"u8, subject.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
            json.WriteString("tenant"u8, subject.Tenant);

            if (subject.Task is { } task)
            {
                json.WriteString("task"u8, task);
            }

            foreach (var (name, value) in subject.Members)
            {
                WriteMember(json, name, value);
            }

            json.WriteString("payload_sha256"u8, CommitmentTo(salt, payload).ToString());
            json.WriteEndObject();
        }

        var text = CanonicalJson.Canonicalize(buffer.WrittenSpan);

        if (text.Length > BytesMax)
        {
            throw new UnreachableException($"A leaf of {text.Length} bytes passed the limits on its members.");
        }

        return new Leaf
        {
            Text = text,
            Hash = MerkleTree.LeafHash(text),
            Kind = subject.Kind,
            Time = subject.Time,
            Task = subject.Task,
            Payload = payload,
            Salt = salt,
        };
    }

    /// <summary>What a leaf's <c>payload_sha256</c> is: SHA-256(salt ‖ payload). Without the salt, short payloads could be guessed.</summary>
    public static Hash256 CommitmentTo(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> payload)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> result = stackalloc byte[Hash256.Size];
        hash.AppendData(salt);
        hash.AppendData(payload);
        hash.GetHashAndReset(result);
        return new Hash256(result);
    }

    private static void WriteMember(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case string { Length: > 0 and <= StringLengthMax } text:
                json.WriteString(name, text);
                break;

            case long number and >= -ExactIntegerMax and <= ExactIntegerMax:
                json.WriteNumber(name, number);
                break;

            case IReadOnlyList<string> list:
                json.WriteStartArray(name);

                foreach (var item in list)
                {
                    json.WriteStringValue(item);
                }

                json.WriteEndArray();
                break;
        }
    }
}
