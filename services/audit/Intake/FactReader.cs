using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mesh.Audit.Sequencing;
using Mesh.Bus;

namespace Mesh.Audit.Intake;

/// <summary>Reads from a fact's bytes what its leaf says in clear. The bytes themselves are kept as they came.</summary>
internal static class FactReader
{
    /// <summary>The kind of a fact that a newer service wrote, or that cannot be read. It is logged all the same.</summary>
    public const string Unknown = "unknown";

    // What may stand in a leaf for ever: names, ids, digests and states. No free text, no person, no payload.
    private static readonly HashSet<string> Public =
    [
        "step", "epoch", "workflow", "workflow_version", "tool", "tool_digest", "action_digest", "dispatch", "attempt", "outcome", "effect", "purpose", "cause",
        "policy_set_digest", "approval_id", "decision_id", "lease_id", "integration", "secret", "secret_version", "version", "digest", "previous",
        "name", "scope", "change", "shown_digest", "audit_index", "custody", "decision",
    ];

    private static readonly ConcurrentDictionary<MessageDescriptor, FieldDescriptor[]> Fields = new();

    /// <exception cref="UndecodableMessageException">It is of another tenant or task than its envelope: nobody may write into their log.</exception>
    public static Fact TaskFact(ByteString bytes, string tenant, Guid task)
    {
        var id = ByteString.CopyFrom(task.ToByteArray(bigEndian: true));

        return Read(
            bytes, Facts.V1.TaskFact.Parser, task, fact => fact.Tenant == tenant && fact.TaskId == id, fact => fact.Time, fact => [("step", fact.Step), ("epoch", fact.Epoch)]);
    }

    /// <exception cref="UndecodableMessageException">It is of another tenant than its envelope.</exception>
    public static Fact GovernanceFact(ByteString bytes, string tenant) =>
        Read(bytes, Facts.V1.GovernanceFact.Parser, null, fact => fact.Tenant == tenant, fact => fact.Time, _ => []);

    /// <exception cref="UndecodableMessageException">It is of another tenant than its envelope.</exception>
    public static Fact CustodyFact(ByteString bytes, string tenant) =>
        Read(bytes, Facts.V1.CustodyFact.Parser, null, fact => fact.Tenant == tenant, fact => fact.Time, _ => []);

    private static Fact Read<T>(
        ByteString bytes, MessageParser<T> parser, Guid? task, Func<T, bool> isOfEnvelope, Func<T, Timestamp?> time, Func<T, List<(string, object?)>> members)
        where T : IMessage<T>
    {
        T fact;

        try
        {
            fact = parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return new Fact(Unknown, task, null, [], bytes.ToByteArray());
        }

        if (!isOfEnvelope(fact))
        {
            throw new UndecodableMessageException("A fact in it names another tenant or task than its envelope.");
        }

        var said = members(fact);
        var kind = fact.Descriptor.Oneofs.Single(oneof => !oneof.IsSynthetic).Accessor.GetCaseFieldDescriptor(fact);

        if (kind?.Accessor.GetValue(fact) is IMessage body)
        {
            Collect(body, said);
            task ??= TaskOf(body);
        }

        return new Fact(kind?.MessageType.Name ?? Unknown, task, TimeOf(time(fact)), said, bytes.ToByteArray());
    }

    private static void Collect(IMessage body, List<(string, object?)> members)
    {
        foreach (var field in Fields.GetOrAdd(body.Descriptor, type => [.. type.Fields.InDeclarationOrder().Where(f => Public.Contains(f.Name) && !f.IsRepeated)]))
        {
            switch (field.Accessor.GetValue(body))
            {
                case IMessage nested:
                    Collect(nested, members);
                    break;

                // Digests only: another field of bytes is a payload or a note.
                case ByteString { Length: 32 } digest:
                    members.Add((field.Name, Convert.ToHexStringLower(digest.Span)));
                    break;

                case string text:
                    members.Add((field.Name, text));
                    break;

                case System.Enum state:
                    members.Add((field.Name, field.EnumType.FindValueByNumber(Convert.ToInt32(state, null))?.Name ?? Unknown));
                    break;

                case int number:
                    members.Add((field.Name, (long)number));
                    break;

                case long number:
                    members.Add((field.Name, number));
                    break;
            }
        }
    }

    private static Guid? TaskOf(IMessage body) =>
        body.Descriptor.FindFieldByName("task_id")?.Accessor.GetValue(body) is ByteString { Length: 16 } id
            ? new Guid(id.Span, bigEndian: true)
            : null;

    // A time that no calendar has is a reason to say the time of arrival, not to lose the fact.
    private static DateTimeOffset? TimeOf(Timestamp? time)
    {
        try
        {
            return time?.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
