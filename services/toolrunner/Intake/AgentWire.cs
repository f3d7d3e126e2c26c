using Mesh.Agent.V1;
using Mesh.ServiceHost;
using Mesh.Toolrunner.Agents;
using Work = Mesh.Orchestrator.V1;

namespace Mesh.Toolrunner.Intake;

/// <summary>Translates between what agents speak and what the orchestrator speaks.</summary>
internal static class AgentWire
{
    public static Work.AgentIdentity Write(Agents.Agent agent) => new()
    {
        Tenant = agent.Tenant,
        Workflow = agent.Workflow,
        WorkflowVersion = agent.WorkflowVersion,
        Instance = agent.Instance,
    };

    public static Assignment Read(Work.AgentAssignment wire) =>
        new(wire.Tenant, wire.Workflow, wire.WorkflowVersion, wire.Bundle, wire.Command.Count > 0 ? [.. wire.Command] : [""]);

    public static Work.AgentAssignment Write(Assignment assignment) => new()
    {
        Tenant = assignment.Tenant,
        Workflow = assignment.Workflow,
        WorkflowVersion = assignment.WorkflowVersion,
        Bundle = assignment.Bundle,
        Command = { assignment.Command },
    };

    public static WorkItem Write(Work.WorkItem item, Agents.Agent agent)
    {
        var wire = new WorkItem
        {
            TaskId = item.TaskId,
            Claim = item.Claim,
            ClaimExpiresAt = item.ClaimExpiresAt,
            Attempt = item.Attempt,
            Tenant = agent.Tenant,
            Workflow = agent.Workflow,
            WorkflowVersion = agent.WorkflowVersion,
            Input = AgentJson.Write(item.Input),
            HistoryComplete = item.HistoryComplete,
            Traceparent = item.Traceparent,
        };
        wire.History.AddRange(item.History.Select(Write));
        return wire;
    }

    public static ClaimStatus Write(Work.ClaimStatus status) => new()
    {
        State = (ClaimStatus.Types.State)(int)status.State,
        ExpiresAt = status.ExpiresAt,
    };

    public static CallToolResponse Write(Work.CallToolResponse call) => call.Outcome switch
    {
        Work.CallToolResponse.Types.Outcome.Result => new CallToolResponse
        {
            Result = new ToolResult { Value = AgentJson.Write(call.Value), HttpStatus = call.HttpStatus },
        },
        Work.CallToolResponse.Types.Outcome.Denied => new CallToolResponse
        {
            Denied = new CallDenied { Reason = call.Reason, Message = call.Message, Rule = call.Rule },
        },
        Work.CallToolResponse.Types.Outcome.Waiting => new CallToolResponse
        {
            Waiting = new CallWaiting { WaitsOn = call.WaitsOn, Message = call.Message },
        },
        Work.CallToolResponse.Types.Outcome.Failed => new CallToolResponse
        {
            Failed = new CallFailed
            {
                Reason = call.Reason,
                Message = call.Message,
                HttpStatus = call.HttpStatus,
                Value = call.Value.IsEmpty ? null : AgentJson.Write(call.Value),
            },
        },

        // A newer orchestrator said something that this relay cannot hand on.
        _ => throw Refusals.Refused(Grpc.Core.StatusCode.Unimplemented, Errors.V1.Reason.Unsupported, "The call ended in a way that this version does not know."),
    };

    public static Work.FinishWorkRequest Read(FinishWorkRequest request, Agents.Agent agent)
    {
        var wire = new Work.FinishWorkRequest { Agent = Write(agent), Claim = request.Claim, WantNext = request.WantNext };
        wire.Positions.Add(request.Positions);

        switch (request.OutcomeCase)
        {
            case FinishWorkRequest.OutcomeOneofCase.Completed:
                wire.Completed = AgentJson.Read("completed.result", request.Completed.Result);
                break;

            case FinishWorkRequest.OutcomeOneofCase.Failed:
                wire.Failed = new Work.WorkFailed { Reason = request.Failed.Reason, Message = request.Failed.Message, Retry = request.Failed.Retry };
                break;

            case FinishWorkRequest.OutcomeOneofCase.WaitsOn:
                wire.WaitsOn = request.WaitsOn;
                break;

            case FinishWorkRequest.OutcomeOneofCase.Released:
                wire.Released = true;
                break;

            default:
                throw Refusals.Invalid("outcome", "must be one of completed, failed, waits_on, released");
        }

        return wire;
    }

    private static RecordedStep Write(Work.RecordedStep step)
    {
        var wire = new RecordedStep { StepKey = step.StepKey, Position = step.Position };

        switch (step.OutcomeCase)
        {
            case Work.RecordedStep.OutcomeOneofCase.Value:
                wire.Value = AgentJson.Write(step.Value);
                break;

            case Work.RecordedStep.OutcomeOneofCase.Call:
                wire.Call = Write(step.Call);
                break;

            case Work.RecordedStep.OutcomeOneofCase.PendingTool:
                wire.Pending = new PendingCall { Tool = step.PendingTool };
                break;
        }

        return wire;
    }
}
