using Mesh.Bus;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Waiting;

/// <summary>Wakes tasks whose approval was decided. The decision itself is policy's: the next dispatch asks it again.</summary>
internal sealed class ApprovalDecisions(JournalWriter writer, TaskSignals signals) : IMessageHandler
{
    public string Consumer => "orchestrator";

    public IReadOnlyCollection<string> Types { get; } = [Facts.V1.GovernanceFactBatch.Descriptor.FullName];

    public async Task HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop)
    {
        var arrivals = Read(message).ToList();
        await writer.WriteAsync(
            effect.Connection!,
            [
                .. arrivals.Select(arrival => new JournalWrite
                {
                    Task = arrival.Task,
                    Fence = new Fence.Settlement(),
                    Facts = [],
                    Arrives = new Arrival(arrival.Wait.Name, arrival.Because),
                }),
            ],
            stop);

        foreach (var (task, _, _) in arrivals)
        {
            signals.Raise(task);
        }
    }

    private static IEnumerable<(TaskKey Task, Wait Wait, string Because)> Read(Envelope message)
    {
        List<Facts.V1.GovernanceFact> facts;

        try
        {
            facts = [.. Facts.V1.GovernanceFactBatch.Parser.ParseFrom(message.Body).Facts.Select(f => Facts.V1.GovernanceFact.Parser.ParseFrom(f))];
        }
        catch (Google.Protobuf.InvalidProtocolBufferException error)
        {
            throw new UndecodableMessageException(error.Message);
        }

        foreach (var fact in facts)
        {
            if (fact.KindCase == Facts.V1.GovernanceFact.KindOneofCase.ApprovalDecided)
            {
                var decided = fact.ApprovalDecided;

                // The tenant of the envelope, which policy's outbox wrote, not one that the body might claim.
                yield return (
                    new TaskKey(message.Tenant, Ids.ReadGuid(decided.TaskId)),
                    new Wait.Approval(decided.ApprovalId),
                    $"approval {decided.ApprovalId}: {decided.Decision} by {fact.Actor}");
            }
        }
    }
}
