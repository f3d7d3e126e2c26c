using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Mesh.Audit.V1;
using Mesh.Integrity;

namespace Cli.Tests.Auditing;

/// <summary>A log as the audit service would show it, with the key that signs it.</summary>
internal sealed class SampleLog : IDisposable
{
    public const string Tenant = "acme";
    public const string Task = "0193a1b2-0000-7000-8000-00005a1b2c3d";
    public const string Digest = "aa11";

    private readonly SigningKey key = SigningKey.FromSeed(SigningKey.GenerateSeed());

    public SampleLog() => Signer = new NoteSigner($"test.example/audit/{Tenant}", key);

    public NoteSigner Signer { get; }

    public List<Entry> Entries { get; } = [];

    public SampleLog Add(string kind, JsonObject? members = null, string type = "fact")
    {
        var (salt, payload) = (RandomNumberGenerator.GetBytes(32), Encoding.UTF8.GetBytes($"payload of {kind}"));
        var leaf = new JsonObject
        {
            ["type"] = type,
            ["kind"] = kind,
            ["tenant"] = Tenant,
            ["task"] = Task,
            ["payload_sha256"] = Hash256.Of([.. salt, .. payload]).ToString(),
        };
        foreach (var (name, value) in members ?? [])
        {
            leaf[name] = value?.DeepClone();
        }

        var text = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(leaf.ToJsonString()));
        Entries.Add(new Entry
        {
            Index = Entries.Count,
            Leaf = ByteString.CopyFrom(text),
            LeafHash = ByteString.CopyFrom(MerkleTree.LeafHash(text).ToArray()),
            Payload = ByteString.CopyFrom(payload),
            Salt = ByteString.CopyFrom(salt),
            Kind = kind,
            TaskId = Task,
        });
        return this;
    }

    public SampleLog AddIntent(int dispatch = 1, string digest = Digest, string purpose = "perform") => Add(
        "intent", new JsonObject { ["action_digest"] = digest, ["dispatch"] = dispatch, ["step"] = "refund", ["purpose"] = purpose }, type: "intent");

    public SampleLog AddRequested(string digest = Digest) =>
        Add("CallRequested", new JsonObject { ["action_digest"] = digest, ["step"] = "refund" });

    public SampleLog AddSettled(int dispatch = 1, long auditIndex = 0) => Add(
        "CallSettled",
        new JsonObject { ["dispatch"] = dispatch, ["step"] = "refund", ["outcome"] = "OUTCOME_SUCCEEDED", ["audit_index"] = auditIndex });

    public Checkpoint Head()
    {
        var frontier = new Frontier();
        Entries.ForEach(entry => frontier.Append(MerkleTree.LeafHash(entry.Leaf.Span)));
        return new Checkpoint(Signer.Name, frontier.Size, frontier.Root);
    }

    public GetInclusionProofResponse Prove(int index)
    {
        var hashes = Entries.ConvertAll(entry => MerkleTree.LeafHash(entry.Leaf.Span));
        SubtreeHash fetch = null!;
        fetch = (level, at) => level == 0 ? hashes[(int)at] : MerkleTree.NodeHash(fetch(level - 1, at * 2), fetch(level - 1, (at * 2) + 1));
        return new GetInclusionProofResponse
        {
            Entry = Entries[index],
            TreeSize = Entries.Count,
            Hashes = { MerkleTree.ProveInclusion(index, Entries.Count, fetch).Select(hash => ByteString.CopyFrom(hash.ToArray())) },
            Checkpoint = Encoding.UTF8.GetString(Head().Sign(Signer)),
        };
    }

    public void Dispose() => key.Dispose();
}
