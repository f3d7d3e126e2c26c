using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Cli.Output;

namespace Mesh.Cli.Tasks;

/// <summary>How tasks are shown, and what their states mean for a script.</summary>
internal static class TaskView
{
    public static Table<Orchestrator.V1.AgentTask> List { get; } = new(
        task => task.Id,
        new("task", task => ShortId.Of(task.Id)),
        new("workflow", task => task.Workflow),
        new("state", task => StateOf(task)),
        new("started", task => Told.Time(task.CreatedAt)),
        new("took", task => task.EndedAt is null ? "-" : Told.Length((task.EndedAt - task.CreatedAt).ToTimeSpan())),
        new("initiator", task => task.Initiator),
        new("message", task => Told.Cut(task.Message, 60)));

    public static Table<Orchestrator.V1.TaskEvent> Events { get; } = new(
        entry => $"{entry.Seq}",
        new("seq", entry => $"{entry.Seq}"),
        new("time", entry => Told.Time(entry.Time)),
        new("kind", entry => entry.Kind),
        new("step", entry => entry.Step.Length == 0 ? "-" : entry.Step),
        new("fields", entry => entry.Fields is null ? "" : Told.Cut(JsonFormatter.Default.Format(entry.Fields), 100)));

    /// <summary>A state as people say it: <c>waiting approval</c>.</summary>
    public static string StateOf(Orchestrator.V1.AgentTask task) => NameOf(task.State).Replace('_', ' ');

    public static string NameOf(Orchestrator.V1.TaskState state) =>
        Orchestrator.V1.TaskReflection.Descriptor.FindTypeByName<Google.Protobuf.Reflection.EnumDescriptor>("TaskState")
            .FindValueByNumber((int)state)?.Name["TASK_STATE_".Length..].ToLowerInvariant() ?? "unknown";

    public static void Write(TextWriter to, Orchestrator.V1.AgentTask task)
    {
        Line("task", task.Id);
        Line("tenant", task.Tenant);
        Line("workflow", $"{task.Workflow}  {task.WorkflowVersion}");
        Line("state", StateOf(task) + (task.CancelRequested && task.EndedAt is null ? ", cancel requested" : ""));
        Line("reason", task.Reason);
        Line("message", task.Message);
        Line("waits on", task.WaitsOn);
        Line("initiator", task.Initiator);
        Line("started", Told.Time(task.CreatedAt));
        Line("ended", task.EndedAt is null ? "" : $"{Told.Time(task.EndedAt)}  after {Told.Length((task.EndedAt - task.CreatedAt).ToTimeSpan())}");
        Line("attempt", $"{task.Attempt}");
        Line("input", Text(task.Input));
        Line("result", Text(task.Result));

        void Line(string name, string value)
        {
            if (value.Length > 0)
            {
                to.WriteLine($"{name,-10} {Told.OneLine(value)}");
            }
        }
    }

    /// <summary>What the way a task stands means for the exit code of a verb that waited for it.</summary>
    public static int ExitCodeOf(Orchestrator.V1.AgentTask task, bool isDone) => task.State switch
    {
        Orchestrator.V1.TaskState.Completed => ExitCodes.Done,
        Orchestrator.V1.TaskState.Failed or Orchestrator.V1.TaskState.Cancelled or Orchestrator.V1.TaskState.Denied => ExitCodes.TaskNotCompleted,
        Orchestrator.V1.TaskState.WaitingApproval or Orchestrator.V1.TaskState.UnknownOutcome or Orchestrator.V1.TaskState.NeedsAttention
            when isDone => ExitCodes.WaitingForApproval,
        _ => ExitCodes.TimedOut,
    };

    private static string Text(Value? value) =>
        value is null or { KindCase: Value.KindOneofCase.None } ? "" : JsonFormatter.Default.Format(value);
}
