using System.Text;
using Grpc.Core;
using Mesh.Audit.Checkpoints;
using Mesh.Audit.Proofs;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>Shows the log to auditors.</summary>
internal sealed class LogEndpoint(ProofFlow proofs, LogSigners signers, AuditorCheck auditors) : V1.LogService.LogServiceBase
{
    public override async Task<V1.GetCheckpointResponse> GetCheckpoint(V1.GetCheckpointRequest request, ServerCallContext context)
    {
        Bounds.Check(request);
        await auditors.RequireAsync(request.Tenant, context);

        return await proofs.NewestAsync(request.Tenant, context.CancellationToken) is { } newest
            ? new V1.GetCheckpointResponse { Checkpoint = Encoding.UTF8.GetString(newest.Note) }
            : throw NoCheckpoint();
    }

    public override async Task<V1.ListEntriesResponse> ListEntries(V1.ListEntriesRequest request, ServerCallContext context)
    {
        Bounds.Check(request);
        await auditors.RequireAsync(request.Tenant, context);
        var count = request.Count == 0 ? Bounds.PageDefault : request.Count;
        Guid? task = request.TaskId.Length == 0 ? null : Guid.Parse(request.TaskId);

        var page = await proofs.PageAsync(request.Tenant, request.Start, count, task, context.CancellationToken);

        return new V1.ListEntriesResponse { Entries = { page.Entries.Select(Wire.Write) }, NextStart = page.NextStart };
    }

    public override async Task<V1.GetInclusionProofResponse> GetInclusionProof(V1.GetInclusionProofRequest request, ServerCallContext context)
    {
        Bounds.Check(request);
        await auditors.RequireAsync(request.Tenant, context);

        return await proofs.ProveInclusionAsync(request.Tenant, request.Index, request.TreeSize, context.CancellationToken) switch
        {
            InclusionResult.Proven proven => new V1.GetInclusionProofResponse
            {
                Entry = Wire.Write(proven.Entry),
                TreeSize = proven.Checkpoint.Size,
                Hashes = { Wire.Write(proven.Hashes) },
                Checkpoint = Encoding.UTF8.GetString(proven.Checkpoint.Note),
            },
            InclusionResult.NoEntry none => throw Refusals.NotFound(
                Reason.EntryNotFound, $"The tree of {none.Size} entries has none at index {request.Index}; a newer one may."),
            _ => throw NoCheckpoint(),
        };
    }

    public override async Task<V1.GetConsistencyProofResponse> GetConsistencyProof(V1.GetConsistencyProofRequest request, ServerCallContext context)
    {
        Bounds.Check(request);
        await auditors.RequireAsync(request.Tenant, context);

        return await proofs.ProveConsistencyAsync(request.Tenant, request.FromSize, request.ToSize, context.CancellationToken) is { } hashes
            ? new V1.GetConsistencyProofResponse { Hashes = { Wire.Write(hashes) } }
            : throw NoCheckpoint();
    }

    public override async Task<V1.GetKeysResponse> GetKeys(V1.GetKeysRequest request, ServerCallContext context)
    {
        var principal = await auditors.VerifyAsync(context);

        // Checkpoints bear the log's own name: the same keys, once under the name of each log that the caller may read.
        var logs = principal.Roles.Keys.Where(tenant => tenant != Principal.AllTenants && principal.Has(tenant, Role.Auditor)).Order();

        return new V1.GetKeysResponse
        {
            Vkeys = { signers.ReceiptVerifiers().Concat(logs.SelectMany(signers.VerifiersOf)).Select(verifier => verifier.ToString()) },
        };
    }

    private static RefusalException NoCheckpoint() => Refusals.NotFound(Reason.EntryNotFound, "No checkpoint of that size was signed.");
}
