using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Which agents a tool runner should run, and their programs.</summary>
internal sealed class AssignmentEndpoint(Assignments assignments, JournalStore store) : V1.AssignmentService.AssignmentServiceBase
{
    private const int ChunkBytes = 1024 * 1024;

    public override async Task<V1.AssignAgentsResponse> AssignAgents(V1.AssignAgentsRequest request, ServerCallContext context)
    {
        if (request.RunnerInstance.Length is 0 or > 128)
        {
            throw Refusals.Invalid("runner_instance", "must be 1 to 128 characters");
        }

        return await assignments.WaitAsync(request, context.CancellationToken);
    }

    public override async Task GetBundle(
        V1.GetBundleRequest request, IServerStreamWriter<V1.GetBundleResponse> responseStream, ServerCallContext context)
    {
        await using var command = store.Command(
            "select bytes from orchestrator.bundle where tenant_id = $1 and digest = $2", request.Tenant, request.Digest);

        if (await command.ExecuteScalarAsync(context.CancellationToken) is not byte[] bytes)
        {
            throw Refusals.NotFound(Reason.BundleNotFound, "There is no such bundle.");
        }

        for (var at = 0; at < bytes.Length; at += ChunkBytes)
        {
            var chunk = bytes.AsMemory(at, Math.Min(ChunkBytes, bytes.Length - at));
            await responseStream.WriteAsync(
                new V1.GetBundleResponse { Chunk = UnsafeByteOperations.UnsafeWrap(chunk) }, context.CancellationToken);
        }
    }
}
