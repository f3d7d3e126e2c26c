using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Audit.Sequencing;
using Mesh.Facts.V1;
using Mesh.Integrity;
using Mesh.Postgres;

namespace Audit.Tests;

/// <summary>Intents and facts that differ in what the test does not care about.</summary>
internal static class Some
{
    /// <summary>Policy's key, which every replica of these tests trusts.</summary>
    public static readonly NoteSigner Policy = new($"{Replica.Domain}/policy", SigningKey.FromSeed(SigningKey.GenerateSeed()));

    private static int tenants;

    public static string Tenant() => $"tenant-{Interlocked.Increment(ref tenants)}";

    public static Intent Intent(string tenant) => Decided(new Intent
    {
        Tenant = tenant,
        Workflow = "refund",
        Task = Guid.CreateVersion7(),
        Step = "tool#1",
        Tool = "payments.refund",
        Classes = ["external_write"],
        Action = new ActionDigest(new Hash256(RandomNumberGenerator.GetBytes(Hash256.Size))),
        Dispatch = 1,
        Epoch = 1,
        Purpose = TicketPurpose.Perform,
        Decision = [],
    });

    /// <summary>The intent with the decision that it needs, changed as the test wants.</summary>
    public static Intent Decided(Intent intent, Func<DecisionTicket, DecisionTicket>? change = null, NoteSigner? signer = null) =>
        intent with { Decision = (change ?? (decision => decision))(DecisionOf(intent)).Sign(signer ?? Policy) };

    private static DecisionTicket DecisionOf(Intent intent) => new()
    {
        Domain = Replica.Domain,
        DecisionId = Guid.CreateVersion7(),
        Tenant = intent.Tenant,
        Workflow = intent.Workflow,
        WorkflowVersion = ContentDigest.Of("workflow"u8),
        Task = intent.Task,
        Tool = intent.Tool,
        ToolDigest = ContentDigest.Of("tool"u8),
        Classes = intent.Classes,
        Integration = "payments",
        SecretName = "payments-key",
        Action = intent.Action,
        Dispatch = intent.Dispatch,
        Epoch = intent.Epoch,
        PolicySet = ContentDigest.Of("policy"u8),
        Approval = null,
        Expiry = DateTimeOffset.UtcNow.AddSeconds(60),
    };

    public static byte[] TaskFact(string tenant, Guid task, int number) => new TaskFact
    {
        Tenant = tenant,
        TaskId = ByteString.CopyFrom(task.ToByteArray(bigEndian: true)),
        Step = $"step-{number}",
        Epoch = 1,
        Time = Timestamp.FromDateTime(DateTime.UtcNow),
        StepRecorded = new StepRecorded { Position = number, Value = ByteString.CopyFromUtf8($"{{\"n\":{number}}}") },
    }.ToByteArray();

    /// <summary>The first fact of some task.</summary>
    public static Envelope Message(string tenant)
    {
        var task = Guid.CreateVersion7();

        return Message(tenant, task, 1, TaskFact(tenant, task, 1));
    }

    public static Envelope Message(string tenant, Guid task, long firstSeq, params byte[][] facts) => new(
        Guid.CreateVersion7(), tenant, task.ToString("D"), firstSeq, TaskFactBatch.Descriptor.FullName, null,
        new TaskFactBatch { Facts = { facts.Select(ByteString.CopyFrom) } }.ToByteArray());
}
