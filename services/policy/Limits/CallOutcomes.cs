using Google.Protobuf;
using Mesh.Bus;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy.Limits;

/// <summary>Hears how calls ended, and keeps or gives back what they held.</summary>
internal sealed class CallOutcomes : IMessageHandler
{
    public string Consumer => "policy";

    public IReadOnlyCollection<string> Types => Subscriptions.All[Consumer];

    public async Task HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop)
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

        if (outcome.Tenant != message.Tenant)
        {
            throw new UndecodableMessageException("It names another tenant than its envelope.");
        }

        await LimitCounters.SettleAsync(effect, outcome.Tenant, outcome.ActionDigest.ToByteArray(), outcome.Dispatch, outcome.Performed, stop);
    }
}
