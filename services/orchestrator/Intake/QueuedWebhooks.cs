using Google.Protobuf;
using Grpc.Core;
using Mesh.Bus;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Orchestrator.Intake;

/// <summary>Starts the tasks of deliveries that ingress put on the broker while no orchestrator answered, as if they came by gRPC now.</summary>
/// <remarks>
/// Their senders were told that they are accepted, so a delivery that is refused is parked with its reason and not dropped. Policy that is
/// silent, or anything else that may be over soon, is a failure and tried again. A delivery that became a task already, by whichever way, is done.
/// </remarks>
internal sealed class QueuedWebhooks(WebhookReader reader, TaskStarter starter, WorkOffers offers) : IBatchMessageHandler
{
    public string Consumer => Subscriptions.Webhooks;

    public IReadOnlyCollection<string> Types => Subscriptions.All[Consumer];

    public async Task<Action?> HandleAsync(IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        var starts = await Task.WhenAll(messages.Select(Read).Select(delivery => reader.ReadAsync(delivery, stop)));

        foreach (var (start, refusal) in starts.Where(one => one.Refusal is not null))
        {
            if (start is null || await starter.FindAsync(start, stop) is null)
            {
                throw Refuse(refusal!);
            }
        }

        var (answers, committed) = await starter.StartWithinAsync(
            effect, [.. starts.Zip(messages).Where(one => one.First.Refusal is null).Select(one => one.First.Request! with { TraceParent = one.Second.TraceParent })], stop);

        List<WorkflowKey> started = [];

        foreach (var answer in answers)
        {
            switch (answer)
            {
                case StartAnswer.Started { Task: var task }:
                    started.Add(task.WorkflowKey);
                    break;

                // A delivery id that comes again with another body is a replay too: the first one counted.
                case StartAnswer.Existed:
                case StartAnswer.Refused { Error.Reason: Reason.RequestIdReused }:
                    break;

                case StartAnswer.Refused { Error: var error }:
                    throw Refuse(error);
            }
        }

        return () =>
        {
            committed();
            started.ForEach(offers.Stir);
        };
    }

    private static V1.SubmitWebhookRequest Read(Envelope message)
    {
        V1.SubmitWebhookRequest delivery;

        try
        {
            delivery = V1.SubmitWebhookRequest.Parser.ParseFrom(message.Body);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new UndecodableMessageException(error.Message);
        }

        return delivery.Tenant != message.Tenant ? throw new UndecodableMessageException("It names another tenant than its envelope.")
            : delivery.ReplayKey.Length == 0 || delivery.ReceivedAt is null || delivery.VerifyDuration is null ? throw new UndecodableMessageException("It lacks its replay key or its times.")
            : delivery;
    }

    // The reason and no more where the sentence may hold names out of the body: it is kept and logged as the error of the message.
    private static Exception Refuse(MeshError error) => error.Code switch
    {
        StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.Aborted or StatusCode.DeadlineExceeded => error.AsException(),
        StatusCode.InvalidArgument => new UndecodableMessageException($"{error.Reason.Name()}: the body does not make an input of the workflow."),
        _ => new UndecodableMessageException($"{error.Reason.Name()}: {error.Message}"),
    };
}
