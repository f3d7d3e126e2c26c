using Mesh.Cli;
using Mesh.Cli.Tasks;
using Mesh.Orchestrator.V1;

namespace Cli.Tests.Tasks;

public sealed class TaskViewTests
{
    [Theory]
    [InlineData(TaskState.Completed, true, ExitCodes.Done)]
    [InlineData(TaskState.Failed, true, ExitCodes.TaskNotCompleted)]
    [InlineData(TaskState.Denied, true, ExitCodes.TaskNotCompleted)]
    [InlineData(TaskState.Cancelled, true, ExitCodes.TaskNotCompleted)]
    [InlineData(TaskState.WaitingApproval, true, ExitCodes.WaitingForApproval)]
    [InlineData(TaskState.UnknownOutcome, true, ExitCodes.WaitingForApproval)]
    [InlineData(TaskState.WaitingApproval, false, ExitCodes.TimedOut)]
    [InlineData(TaskState.Running, false, ExitCodes.TimedOut)]
    public void How_a_task_stands_is_an_exit_code(TaskState state, bool isDone, int exitCode) =>
        Assert.Equal(exitCode, TaskView.ExitCodeOf(new AgentTask { State = state }, isDone));

    [Fact]
    public void A_state_is_named_as_people_say_it()
    {
        Assert.Equal("waiting approval", TaskView.StateOf(new AgentTask { State = TaskState.WaitingApproval }));
        Assert.Equal("unknown", TaskView.StateOf(new AgentTask { State = (TaskState)999 }));
    }
}
