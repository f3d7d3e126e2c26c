using Grpc.Core;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Tests.Peers;

internal sealed class IntakePeer(Recorded recorded) : Orchestrator.V1.IntakeService.IntakeServiceBase
{
    public override Task<Orchestrator.V1.SubmitWebhookResponse> SubmitWebhook(Orchestrator.V1.SubmitWebhookRequest request, ServerCallContext context)
    {
        if (recorded.IntakeRefuses is { } refusal)
        {
            throw refusal;
        }

        var existed = recorded.Deliveries.Any(earlier => earlier.Webhook == request.Webhook && earlier.ReplayKey == request.ReplayKey);
        recorded.Deliveries.Enqueue(request);
        return Task.FromResult(new Orchestrator.V1.SubmitWebhookResponse { TaskId = "01900000-0000-7000-8000-000000000001", Existed = existed });
    }
}

internal sealed class TaskPeer : Orchestrator.V1.TaskService.TaskServiceBase
{
    public override Task<Orchestrator.V1.StartTaskResponse> StartTask(Orchestrator.V1.StartTaskRequest request, ServerCallContext context) =>
        Task.FromResult(new Orchestrator.V1.StartTaskResponse { Task = new() { Workflow = request.Workflow } });

    public override Task<Orchestrator.V1.GetTaskResponse> GetTask(Orchestrator.V1.GetTaskRequest request, ServerCallContext context) =>
        throw Refusals.NotFound(Errors.V1.Reason.TaskNotFound, $"There is no task {request.TaskId}.");

    public override async Task WatchTask(
        Orchestrator.V1.WatchTaskRequest request, IServerStreamWriter<Orchestrator.V1.WatchTaskResponse> responseStream, ServerCallContext context)
    {
        await responseStream.WriteAsync(new Orchestrator.V1.WatchTaskResponse());
        await responseStream.WriteAsync(new Orchestrator.V1.WatchTaskResponse());
        throw Refusals.NotFound(Errors.V1.Reason.TaskNotFound, "It is gone.");
    }
}

internal sealed class BundlePeer : Orchestrator.V1.BundleService.BundleServiceBase
{
    public override async Task<Orchestrator.V1.UploadBundleResponse> UploadBundle(
        IAsyncStreamReader<Orchestrator.V1.UploadBundleRequest> requestStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext())
        {
        }

        return new Orchestrator.V1.UploadBundleResponse();
    }
}
