using Grpc.Core;
using Mesh.Agent.V1;
using Mesh.ServiceHost;
using Work = Mesh.Orchestrator.V1;

namespace Mesh.Toolrunner.Intake;

/// <summary>What agents call. Relays to the orchestrator, with the identity of the socket that the call came on.</summary>
/// <remarks>Nothing is kept and nothing is decided here: refusals and their retry times go through as they are.</remarks>
internal sealed class AgentEndpoint(Work.WorkService.WorkServiceClient orchestrator) : AgentService.AgentServiceBase
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(10);

    // The longest timeout that a tool can have, and what is around it.
    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds((5 * 60) + 10);

    public override async Task<PollWorkResponse> PollWork(PollWorkRequest request, ServerCallContext context)
    {
        var agent = AgentOf(context);
        var relayed = new Work.PollWorkRequest { Agent = AgentWire.Write(agent), Worker = request.Worker, ItemsMax = request.ItemsMax, Wait = request.Wait };

        if (request.Held is { } held)
        {
            relayed.Held = new Work.HeldClaims { Claims = { held.Claims } };
        }

        var answer = await orchestrator.PollWorkAsync(relayed, Within(WaitMax + Short, context));

        var response = new PollWorkResponse();
        response.Items.AddRange(answer.Items.Select(item => AgentWire.Write(item, agent)));
        return response;
    }

    public override async Task<ExtendClaimResponse> ExtendClaim(ExtendClaimRequest request, ServerCallContext context)
    {
        var relayed = new Work.ExtendClaimRequest { Agent = AgentWire.Write(AgentOf(context)), Claims = { request.Claims } };
        var answer = await orchestrator.ExtendClaimAsync(relayed, Within(Short, context));

        var response = new ExtendClaimResponse();
        response.Claims.AddRange(answer.Claims.Select(AgentWire.Write));
        return response;
    }

    public override async Task<RecordStepResponse> RecordStep(RecordStepRequest request, ServerCallContext context)
    {
        var relayed = new Work.RecordStepRequest
        {
            Agent = AgentWire.Write(AgentOf(context)),
            Claim = request.Claim,
            StepKey = request.StepKey,
            Position = request.Position,
        };

        if (request.Value is { } value)
        {
            relayed.Value = AgentJson.Read("value", value);
        }

        var answer = await orchestrator.RecordStepAsync(relayed, Within(Short, context));
        return new RecordStepResponse { Recorded = answer.Recorded, Value = answer.Recorded ? AgentJson.Write(answer.Value) : null };
    }

    public override async Task<CallToolResponse> CallTool(CallToolRequest request, ServerCallContext context)
    {
        var relayed = new Work.CallToolRequest
        {
            Agent = AgentWire.Write(AgentOf(context)),
            Claim = request.Claim,
            StepKey = request.StepKey,
            Position = request.Position,
            Tool = request.Tool,
            Arguments = AgentJson.Read("arguments", request.Arguments),
        };

        return AgentWire.Write(await orchestrator.CallToolAsync(relayed, Within(CallPatience, context)));
    }

    public override async Task<FinishWorkResponse> FinishWork(FinishWorkRequest request, ServerCallContext context)
    {
        var agent = AgentOf(context);
        var answer = await orchestrator.FinishWorkAsync(AgentWire.Read(request, agent), Within(Short, context));
        return new FinishWorkResponse { Next = answer.Next is { } next ? AgentWire.Write(next, agent) : null };
    }

    private static Agents.Agent AgentOf(ServerCallContext context) => context.GetHttpContext().Features.Get<Agents.Agent>()
        ?? throw Refusals.Refused(StatusCode.PermissionDenied, Errors.V1.Reason.CallerNotAllowed, "Only agents that this runner started may call this.");

    private static CallOptions Within(TimeSpan patience, ServerCallContext context)
    {
        var latest = DateTime.UtcNow + patience;
        return new CallOptions(deadline: context.Deadline < latest ? context.Deadline : latest, cancellationToken: context.CancellationToken);
    }
}
