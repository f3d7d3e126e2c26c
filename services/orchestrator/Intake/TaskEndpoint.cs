using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Waiting;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Tasks, for people and systems. Ingress has authenticated the caller; roles are checked here.</summary>
internal sealed class TaskEndpoint(
    TaskStarter starter,
    TaskReader reader,
    TaskEnder ender,
    Settlements settlements,
    TaskSignals signals,
    TimeProvider clock) : V1.TaskService.TaskServiceBase
{
    private const int ReasonCharsMax = 1_024;
    private const int RequestIdCharsMax = 128;
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan WaitDefault = TimeSpan.FromSeconds(30);

    public override async Task<V1.StartTaskResponse> StartTask(V1.StartTaskRequest request, ServerCallContext context)
    {
        var principal = context.RequireRole(request.Tenant, Role.Operator);

        if (request.RequestId.Length > RequestIdCharsMax || request.RequestId.Any(c => c is < ' ' or > '~'))
        {
            throw Refusals.Invalid("request_id", $"must be at most {RequestIdCharsMax} printable ASCII characters");
        }

        var answer = await starter.StartAsync(
            new StartRequest
            {
                Tenant = request.Tenant,
                Workflow = request.Workflow,
                Input = JsonValues.Write(request.Input ?? Value.ForStruct(new Struct()), "input"),
                Initiator = InitiatorOf(principal),
                RequestId = request.RequestId,
                RequestKey = request.RequestId.Length == 0 ? null : $"request:{principal.Id}:{request.RequestId}",
            },
            context.CancellationToken);

        return answer switch
        {
            StartAnswer.Started started => new V1.StartTaskResponse { Task = Wire.Write(started.Task) },
            StartAnswer.Existed existed => new V1.StartTaskResponse
            {
                Task = Wire.Write(await reader.RequireAsync(request.Tenant, existed.TaskId.ToString("D"), context.CancellationToken)),
                Existed = true,
            },
            StartAnswer.Refused refused => throw refused.Error.AsException(),
            _ => throw new InvalidOperationException("A start has three answers."),
        };
    }

    public override async Task<V1.GetTaskResponse> GetTask(V1.GetTaskRequest request, ServerCallContext context)
    {
        var key = await FindKeyAsync(request.Tenant, request.TaskId, context);
        var (task, ends) = await reader.RequireWithEndsAsync(key, context.CancellationToken);

        return new V1.GetTaskResponse { Task = TaskReader.WithPayloads(task, ends) };
    }

    public override async Task<V1.ListTasksResponse> ListTasks(V1.ListTasksRequest request, ServerCallContext context)
    {
        context.RequireRole(request.Tenant, Role.Viewer, Role.Operator, Role.Approver, Role.Auditor);

        return await reader.ListAsync(request, context.CancellationToken);
    }

    public override async Task<V1.ListTaskEventsResponse> ListTaskEvents(V1.ListTaskEventsRequest request, ServerCallContext context)
    {
        var size = PageSize.Read(request.PageSize, 100, 1_000);
        var task = await FindAsync(request.Tenant, request.TaskId, context);
        var entries = await reader.EntriesAsync(task.Key, request.AfterSeq, size, context.CancellationToken);

        return new V1.ListTaskEventsResponse
        {
            Events = { entries.Select(Wire.Write) },
            NextAfterSeq = entries.Count == size ? entries[^1].Seq : 0,
        };
    }

    public override async Task<V1.GetTaskTimelineResponse> GetTaskTimeline(V1.GetTaskTimelineRequest request, ServerCallContext context)
    {
        var task = await FindAsync(request.Tenant, request.TaskId, context);

        return Timeline.Draw(task, await reader.AllEntriesAsync(task.Key, context.CancellationToken));
    }

    public override async Task<V1.WaitTaskResponse> WaitTask(V1.WaitTaskRequest request, ServerCallContext context)
    {
        var until = clock.GetUtcNow() + (Wire.ReadPatience("timeout", request.Timeout, WaitMax) ?? WaitDefault);
        var key = await FindKeyAsync(request.Tenant, request.TaskId, context);
        using var watch = signals.Watch(key);

        while (true)
        {
            var signal = watch.Next();
            var (task, ends) = await reader.RequireWithEndsAsync(key, context.CancellationToken);
            var isDone = task.State.IsEnded() || (request.UntilPerson && NeedsPerson(task.State));
            var left = until - clock.GetUtcNow();

            if (isDone || left <= TimeSpan.Zero || watch.IsStopping)
            {
                return new V1.WaitTaskResponse
                {
                    Task = isDone ? TaskReader.WithPayloads(task, ends) : Wire.Write(task),
                    Done = isDone,
                };
            }

            if (await watch.WaitAsync(signal, left, clock, context.CancellationToken) is { } end)
            {
                return new V1.WaitTaskResponse { Task = TaskReader.WithPayloads(end.Row, ends, end.Fact), Done = true };
            }
        }
    }

    public override async Task WatchTask(
        V1.WatchTaskRequest request, IServerStreamWriter<V1.WatchTaskResponse> responseStream, ServerCallContext context)
    {
        var task = await FindAsync(request.Tenant, request.TaskId, context);
        var after = request.AfterSeq;
        using var watch = signals.Watch(task.Key);

        while (true)
        {
            var signal = watch.Next();
            task = await reader.RequireAsync(request.Tenant, task.Key.Id.ToString("D"), context.CancellationToken);

            foreach (var entry in await reader.EntriesAsync(task.Key, after, 100, context.CancellationToken))
            {
                await responseStream.WriteAsync(new V1.WatchTaskResponse { Event = Wire.Write(entry) }, context.CancellationToken);
                after = entry.Seq;
            }

            if (task.State.IsEnded() && after >= task.Seq)
            {
                return;
            }

            if (watch.IsStopping)
            {
                throw Refusals.Refused(StatusCode.Unavailable, Errors.V1.Reason.Overloaded, "This replica stops. Watch on after the last event that came.");
            }

            if (after >= task.Seq)
            {
                await watch.WaitAsync(signal, WaitMax, clock, context.CancellationToken);
            }
        }
    }

    public override async Task<V1.CancelTaskResponse> CancelTask(V1.CancelTaskRequest request, ServerCallContext context)
    {
        var principal = context.RequireRole(request.Tenant, Role.Operator);
        var task = await FindAsync(request.Tenant, request.TaskId, context);
        RequireReason(request.Reason, isRequired: false);

        if (!task.State.IsEnded())
        {
            var message = request.Reason.Length > 0 ? request.Reason : $"cancelled by {principal.Id}";
            var answer = await ender.RequestAsync(task, "CANCELLED", message, InitiatorOf(principal), context.CancellationToken);

            if (answer is not (JournalAnswer.Written or JournalAnswer.TaskMoved { Task.State: >= TaskState.Completed }))
            {
                throw JournalRefusals.Explain(answer).AsException();
            }
        }

        return new V1.CancelTaskResponse
        {
            Task = Wire.Write(await reader.RequireAsync(request.Tenant, task.Key.Id.ToString("D"), context.CancellationToken)),
        };
    }

    public override async Task<V1.SettleCallResponse> SettleCall(V1.SettleCallRequest request, ServerCallContext context)
    {
        var principal = context.RequireRole(request.Tenant, Role.Operator);
        RequireReason(request.Reason, isRequired: true);
        var task = await FindAsync(request.Tenant, request.TaskId, context);
        var result = JsonValues.Write(request.Result, "result");

        if (await settlements.SettleAsync(task, Wire.ReadStep(request.Step), request.Outcome, result, InitiatorOf(principal), request.Reason, context.CancellationToken) is { } refused)
        {
            throw refused.AsException();
        }

        return new V1.SettleCallResponse
        {
            Task = Wire.Write(await reader.RequireAsync(request.Tenant, task.Key.Id.ToString("D"), context.CancellationToken)),
        };
    }

    private Task<TaskKey> FindKeyAsync(string tenant, string taskId, ServerCallContext context)
    {
        context.RequireRole(tenant, Role.Viewer, Role.Operator, Role.Approver, Role.Auditor);

        return reader.KeyOfAsync(tenant, taskId, context.CancellationToken);
    }

    private async Task<TaskRow> FindAsync(string tenant, string taskId, ServerCallContext context)
    {
        context.RequireRole(tenant, Role.Viewer, Role.Operator, Role.Approver, Role.Auditor);

        return await reader.RequireAsync(tenant, taskId, context.CancellationToken);
    }

    private static void RequireReason(string reason, bool isRequired)
    {
        if (reason.Length > ReasonCharsMax || (isRequired && string.IsNullOrWhiteSpace(reason)))
        {
            throw Refusals.Invalid("reason", $"{(isRequired ? "is required and " : "")}may have {ReasonCharsMax} characters");
        }
    }

    private static bool NeedsPerson(TaskState state) =>
        state is TaskState.WaitingApproval or TaskState.UnknownOutcome or TaskState.NeedsAttention;

    private static string InitiatorOf(Principal principal) =>
        (principal.Kind == PrincipalKind.Person ? "person:" : "system:") + principal.Id;
}
