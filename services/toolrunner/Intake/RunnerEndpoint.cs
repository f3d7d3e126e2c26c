using Grpc.Core;

namespace Mesh.Toolrunner.Intake;

/// <summary>Where the orchestrator asks for calls and their results.</summary>
internal sealed class RunnerEndpoint(RunFlow flow, Output.ResultStore results, RunnerIdentity self) : V1.RunnerService.RunnerServiceBase
{
    private static readonly TimeSpan AskPatience = TimeSpan.FromSeconds(30);

    public override async Task<V1.RunCallResponse> RunCall(V1.RunCallRequest request, ServerCallContext context)
    {
        var report = await flow.RunAsync(Wire.Read(request), context.CancellationToken);
        return new V1.RunCallResponse { Report = Wire.Write(report, self.Instance) };
    }

    public override async Task<V1.AskCallResponse> AskCall(V1.AskCallRequest request, ServerCallContext context)
    {
        // Another process may have taken over this address: it knows nothing about calls before its time.
        if (request.RunnerInstance != self.Instance || results.Find(Wire.Read(request)) is not { } run)
        {
            return new V1.AskCallResponse { Known = false };
        }

        try
        {
            var report = await run.WaitAsync(AskPatience, context.CancellationToken);
            return new V1.AskCallResponse { Known = true, Report = Wire.Write(report, self.Instance) };
        }
        catch (TimeoutException)
        {
            return new V1.AskCallResponse { Known = true, Running = true };
        }
    }
}
