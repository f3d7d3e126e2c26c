using Mesh.Bus;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Waiting;

/// <summary>Wakes tasks whose approval was decided. The decision itself is policy's: the next dispatch asks it again.</summary>
internal sealed class ApprovalDecisions(JournalWriter writer, TaskSignals signals, WorkOffers offers) : IBatchMessageHandler
{
    public string Consumer => "orchestrator";

    public IReadOnlyCollection<string> Types => Subscriptions.All[Consumer];

    // All of them in one write: it locks the tasks in one order, as every other writer does.
    public async Task<Action?> HandleAsync(IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        var answers = await writer.WriteAsync(
            CommitTransaction.Within(effect),
            [
                .. messages.SelectMany(message => Read(message).Select(arrival => new JournalWrite
                {
                    Task = arrival.Task,
                    Fence = new Fence.Settlement(),
                    Facts = [],
                    Arrives = new Arrival(arrival.Wait.Name, arrival.Because),
                    TraceParent = message.TraceParent,
                })),
            ],
            stop);

        return () =>
        {
            foreach (var task in answers.OfType<JournalAnswer.Written>().Select(written => written.Task))
            {
                signals.Raise(task.Key);

                if (task.State == TaskState.Ready)
                {
                    offers.Stir(task.WorkflowKey);
                }
            }
        };
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
            if (fact.Tenant != message.Tenant)
            {
                throw new UndecodableMessageException("A fact in it names another tenant than its envelope.");
            }

            if (fact.KindCase == Facts.V1.GovernanceFact.KindOneofCase.ApprovalDecided)
            {
                var decided = fact.ApprovalDecided;

                yield return (
                    new TaskKey(message.Tenant, Ids.ReadGuid(decided.TaskId)),
                    new Wait.Approval(decided.ApprovalId),
                    $"approval {decided.ApprovalId}: {decided.Decision} by {fact.Actor}");
            }
        }
    }
}
