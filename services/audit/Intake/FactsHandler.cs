using Mesh.Audit.Sequencing;
using Mesh.Bus;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Audit.Intake;

/// <summary>Takes facts from the bus into the log, all that were delivered together in one statement.</summary>
internal sealed class FactsHandler(AppendFlow flow, ILogger<FactsHandler> log) : IBatchMessageHandler
{
    public string Consumer => "audit";

    public IReadOnlyCollection<string> Types => Subscriptions.All[Consumer];

    public async Task<Action?> HandleAsync(IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        var startedAt = DateTime.UtcNow;
        FactMessage[] read = [.. messages.Select(Read).Where(message => message.Facts.Count > 0)];

        if (read.Length == 0)
        {
            return null;
        }

        var results = await flow.AppendFactsAsync(read, effect, stop);

        // Thrown, so that nothing of it commits. The others are then delivered one by one, and this one is put aside.
        foreach (var (message, result) in read.Zip(results))
        {
            if (result is FactsResult.Refused refused)
            {
                log.FactsRefused(message.Id, message.Key, refused.Reason);
                throw new FactsRefusedException(refused.Reason);
            }
        }

        foreach (var message in messages)
        {
            using var trace = MeshTraces.StartIn(MeshSemantics.AuditLog, message.TraceParent)
                ?.SetStartTime(startedAt)
                .SetTag(MeshSemantics.Tenant, message.Tenant)
                .SetTag("messaging.message.id", message.Id.ToString("D"));
        }

        return null;
    }

    private FactMessage Read(Envelope envelope)
    {
        var message = Wire.Read(envelope);

        if (message.Facts.Count(fact => fact.Kind == FactReader.Unknown) is > 0 and var unknown)
        {
            log.FactsUnknown(message.Id, unknown);
        }

        return message;
    }
}
