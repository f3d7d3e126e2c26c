using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.V1;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Tests;

/// <summary>Assigns what the test wants and remembers what agents said through the relay.</summary>
internal sealed class WorkStand
{
    private readonly ConcurrentDictionary<string, byte[]> bundles = new();
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private AgentAssignment[] assignments = [];

    public ConcurrentQueue<AssignAgentsRequest> Leaves { get; } = new();

    public ConcurrentQueue<EndAgentRequest> Ends { get; } = new();

    public ConcurrentQueue<RecordStepRequest> Steps { get; } = new();

    public Channel<WorkItem> Work { get; } = Channel.CreateUnbounded<WorkItem>();

    public ConcurrentQueue<AgentIdentity> Polls { get; } = new();

    public void Bundle(string digest, byte[] bytes) => bundles[digest] = bytes;

    public void Assign(params AgentAssignment[] wanted)
    {
        assignments = wanted;
        Interlocked.Exchange(ref changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    internal sealed class Assigning(WorkStand stand) : AssignmentService.AssignmentServiceBase
    {
        public override async Task<AssignAgentsResponse> AssignAgents(AssignAgentsRequest request, ServerCallContext context)
        {
            if (request.Leaving)
            {
                stand.Leaves.Enqueue(request);

                return new AssignAgentsResponse();
            }

            var wait = stand.changed.Task;

            if (request.Etag == Etag())
            {
                await Task.WhenAny(wait, Task.Delay(TimeSpan.FromSeconds(10), context.CancellationToken));
            }

            return new AssignAgentsResponse { Assignments = { stand.assignments }, Etag = Etag() };
        }

        public override async Task GetBundle(GetBundleRequest request, IServerStreamWriter<GetBundleResponse> responses, ServerCallContext context)
        {
            foreach (var chunk in stand.bundles[request.Digest].Chunk(1024 * 1024))
            {
                await responses.WriteAsync(new GetBundleResponse { Chunk = ByteString.CopyFrom(chunk) });
            }
        }

        private string Etag() => string.Join('|', stand.assignments.Select(a => $"{a.Tenant}/{a.Workflow}/{a.WorkflowVersion}")) + "!";
    }

    internal sealed class Working(WorkStand stand) : WorkService.WorkServiceBase
    {
        public override async Task<PollWorkResponse> PollWork(PollWorkRequest request, ServerCallContext context)
        {
            stand.Polls.Enqueue(request.Agent);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
            wait.CancelAfter(request.Wait?.ToTimeSpan() ?? TimeSpan.FromSeconds(2));

            try
            {
                return new PollWorkResponse { Items = { await stand.Work.Reader.ReadAsync(wait.Token) } };
            }
            catch (OperationCanceledException)
            {
                return new PollWorkResponse();
            }
        }

        public override Task<RecordStepResponse> RecordStep(RecordStepRequest request, ServerCallContext context)
        {
            if (request.StepKey == "full#0")
            {
                throw Refusals.Overloaded("Later.", TimeSpan.FromSeconds(3));
            }

            if (request.Claim == "lost")
            {
                throw Refusals.Refused(StatusCode.FailedPrecondition, Reason.ClaimLost, "It is somebody else's.");
            }

            stand.Steps.Enqueue(request);
            return Task.FromResult(new RecordStepResponse { Recorded = true, Value = request.Value });
        }

        public override Task<EndAgentResponse> EndAgent(EndAgentRequest request, ServerCallContext context)
        {
            stand.Ends.Enqueue(request);
            return Task.FromResult(new EndAgentResponse { ClaimsEnded = 1 });
        }
    }
}
