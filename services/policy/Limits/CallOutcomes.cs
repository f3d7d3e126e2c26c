using Google.Protobuf;
using Mesh.Bus;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy.Limits;

/// <summary>Hears how calls ended, and keeps or gives back what they held.</summary>
internal sealed class CallOutcomes : IBatchMessageHandler
{
    public string Consumer => "policy";

    public IReadOnlyCollection<string> Types => Subscriptions.All[Consumer];

    public async Task<Action?> HandleAsync(IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        await LimitCounters.SettleAsync(effect, [.. messages.Select(Read)], stop);

        return null;
    }

    private static EndedDispatch Read(Envelope message)
    {
        Facts.V1.CallOutcome outcome;

        try
        {
            outcome = Facts.V1.CallOutcome.Parser.ParseFrom(message.Body);
        }
        catch (InvalidProtocolBufferException damaged)
        {
            throw new UndecodableMessageException($"Not a CallOutcome: {damaged.Message}");
        }

        return outcome.Tenant == message.Tenant
            ? new EndedDispatch(outcome.Tenant, outcome.ActionDigest.ToByteArray(), outcome.Dispatch, outcome.Performed)
            : throw new UndecodableMessageException("It names another tenant than its envelope.");
    }
}
