using Google.Protobuf;
using Mesh.Integrity;

namespace Mesh.Orchestrator.Journal;

/// <summary>Ids and digests as bytes on the wire, big-endian, both ways.</summary>
internal static class Ids
{
    public static ByteString Write(Guid id) => UnsafeByteOperations.UnsafeWrap(id.ToByteArray(bigEndian: true));

    public static ByteString Write(ActionDigest digest) => ByteString.CopyFrom(digest.Hash.ToArray());

    public static Guid ReadGuid(ByteString bytes) => new(bytes.Span, bigEndian: true);

    public static ActionDigest ReadDigest(ByteString bytes) => new(new Hash256(bytes.Span));
}
