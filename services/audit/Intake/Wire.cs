using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Audit.Proofs;
using Mesh.Audit.Sequencing;
using Mesh.Bus;
using Mesh.Integrity;
using Mesh.Postgres;

namespace Mesh.Audit.Intake;

/// <summary>Between messages on the wire and what this service works with, both ways side by side.</summary>
internal static class Wire
{
    /// <summary>Reads a request that <see cref="Bounds"/> accepted.</summary>
    public static Intent Read(V1.AppendIntentRequest request) => new()
    {
        Tenant = request.Tenant,
        Workflow = request.Workflow,
        Task = new Guid(request.TaskId.Span, bigEndian: true),
        Step = request.Step,
        Tool = request.Tool,
        Classes = [.. request.Classes],
        Action = new ActionDigest(new Hash256(request.ActionDigest.Span)),
        Dispatch = request.Dispatch,
        Epoch = request.Epoch,
        Purpose = TicketPurposes.TryParse(request.Purpose, out var purpose) ? purpose : throw new ArgumentException("Bounds lets no other purpose pass.", nameof(request)),
        Decision = request.Decision.ToByteArray(),
    };

    public static V1.AppendIntentResponse Write(Receipt receipt) =>
        new() { Receipt = ByteString.CopyFrom(receipt.Note), Origin = receipt.Origin, Index = receipt.Index };

    /// <exception cref="UndecodableMessageException">The batch itself cannot be read. A fact in it that cannot is kept.</exception>
    public static FactMessage Read(Envelope envelope)
    {
        var tenant = envelope.Tenant.Length == 0 ? LogName.Platform : envelope.Tenant;

        if (tenant != LogName.Platform && !Bounds.IsName(tenant))
        {
            throw new UndecodableMessageException("The tenant of the message is not a name.");
        }

        try
        {
            return envelope.Type switch
            {
                var type when type == Facts.V1.TaskFactBatch.Descriptor.FullName => TaskFacts(envelope, tenant),
                var type when type == Facts.V1.GovernanceFactBatch.Descriptor.FullName => new FactMessage(
                    envelope.Id, tenant, envelope.Key, null, 0,
                    [.. Facts.V1.GovernanceFactBatch.Parser.ParseFrom(envelope.Body).Facts.Select(fact => FactReader.GovernanceFact(fact, envelope.Tenant))]),
                var type when type == Facts.V1.CustodyFactBatch.Descriptor.FullName => new FactMessage(
                    envelope.Id, tenant, envelope.Key, null, 0,
                    [.. Facts.V1.CustodyFactBatch.Parser.ParseFrom(envelope.Body).Facts.Select(fact => FactReader.CustodyFact(fact, envelope.Tenant))]),
                var type => throw new UndecodableMessageException($"The type {type} is not one of facts."),
            };
        }
        catch (InvalidProtocolBufferException damaged)
        {
            throw new UndecodableMessageException("The body is not a batch of facts.", damaged);
        }
    }

    public static V1.Entry Write(LogEntry entry) => new()
    {
        Index = entry.Index,
        Leaf = ByteString.CopyFrom(entry.Text),
        LeafHash = ByteString.CopyFrom(entry.Hash),
        Payload = entry.Payload is null ? ByteString.Empty : ByteString.CopyFrom(entry.Payload),
        Salt = ByteString.CopyFrom(entry.Salt),
        Time = Timestamp.FromDateTimeOffset(entry.Time),
        Kind = entry.Kind,
        TaskId = entry.Task?.ToString("D") ?? "",
    };

    public static IEnumerable<ByteString> Write(IReadOnlyList<Hash256> hashes) => hashes.Select(hash => ByteString.CopyFrom(hash.ToArray()));

    private static FactMessage TaskFacts(Envelope envelope, string tenant)
    {
        if (!Guid.TryParseExact(envelope.Key, "D", out var task))
        {
            throw new UndecodableMessageException("The key of facts of a task is the task's id.");
        }

        return envelope.KeySequence >= 1
            ? new FactMessage(
                envelope.Id, tenant, envelope.Key, task, envelope.KeySequence,
                [.. Facts.V1.TaskFactBatch.Parser.ParseFrom(envelope.Body).Facts.Select(fact => FactReader.TaskFact(fact, envelope.Tenant, task))])
            : throw new UndecodableMessageException("The facts of a task are counted from 1.");
    }
}
