using Google.Protobuf.WellKnownTypes;

namespace Mesh.Cli.Tasks;

/// <summary>Waits for a task, in turns that no proxy on the way cuts short.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    /// <returns>How the task stands, and whether that is what was waited for (false: the time was up first).</returns>
    public static async Task<(Orchestrator.V1.AgentTask Task, bool IsDone)> WaitAsync(
        Orchestrator.V1.TaskService.TaskServiceClient tasks,
        string tenant,
        string id,
        bool untilPerson,
        TimeSpan? atMost,
        CancellationToken stop)
    {
        var end = atMost is { } most ? TimeProvider.System.GetUtcNow() + most : DateTimeOffset.MaxValue;
        while (true)
        {
            var left = end - TimeProvider.System.GetUtcNow();
            var turn = left < Turn ? left : Turn;
            var answer = await tasks.WaitTaskAsync(
                new Orchestrator.V1.WaitTaskRequest
                {
                    Tenant = tenant,
                    TaskId = id,
                    Timeout = Duration.FromTimeSpan(turn > TimeSpan.FromMilliseconds(1) ? turn : TimeSpan.FromMilliseconds(1)),
                    UntilPerson = untilPerson,
                },
                deadline: DateTime.UtcNow + Turn + Grace,
                cancellationToken: stop);
            if (answer.Done || TimeProvider.System.GetUtcNow() >= end)
            {
                return (answer.Task, answer.Done);
            }
        }
    }
}
