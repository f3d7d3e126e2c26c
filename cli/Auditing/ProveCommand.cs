using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Mesh.Cli.Output;

namespace Mesh.Cli.Auditing;

/// <summary><c>mesh audit prove</c>: writes proofs that a stranger can check without the mesh.</summary>
internal static class ProveCommand
{
    private const int PageMax = 1_000;

    private static readonly TimeSpan CheckpointWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    public static Command Create()
    {
        var trust = new TrustOptions();
        var task = new Option<string?>("--task") { Description = "Prove every entry about this task.", HelpName = "ID" };
        var index = new Option<long?>("--index") { Description = "Prove this entry.", HelpName = "N" };
        var folder = new Option<DirectoryInfo>("--out")
        {
            Description = "Folder for the files, two for each entry: N.tlog-proof and the leaf that it proves, N.leaf.json.",
            HelpName = "DIR",
            DefaultValueFactory = _ => new DirectoryInfo("proofs"),
        };
        var command = new Command("prove", "Write C2SP proofs that entries are in the signed log. Each is verified before it is written.") { task, index, folder };
        trust.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(task) is null == result.GetResult(index) is null)
            {
                result.AddError("Name one of --task and --index.");
            }
        });

        command.Runs(async (session, stop) =>
        {
            var tenant = await session.TenantAsync(stop);
            var log = new Audit.V1.LogService.LogServiceClient(session.Mesh);
            var keys = (await TrustedKeys.FindAsync(session, trust, stop)).For(tenant);
            var indexes = session.Parse.GetValue(index) is { } one
                ? [one]
                : await EntriesOfAsync(session, log, tenant, session.Parse.GetValue(task)!, stop);
            var to = session.Parse.GetRequiredValue(folder).FullName;
            Directory.CreateDirectory(to);

            var written = new JsonArray();
            foreach (var entry in indexes)
            {
                written.Add(await WriteAsync(log, tenant, entry, keys, to, stop));
            }

            session.Printer.Print(written, string.Join('\n', indexes), text =>
                text.WriteLine($"{indexes.Count} {(indexes.Count == 1 ? "proof" : "proofs")} verified and written to {to}"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh audit prove --task 5a1b2c3d --out evidence/");
    }

    private static async Task<IReadOnlyList<long>> EntriesOfAsync(
        Session session, Audit.V1.LogService.LogServiceClient log, string tenant, string task, CancellationToken stop)
    {
        var known = await new Orchestrator.V1.TaskService.TaskServiceClient(session.Mesh).GetTaskAsync(
            new Orchestrator.V1.GetTaskRequest { Tenant = tenant, TaskId = task }, cancellationToken: stop);
        var indexes = new List<long>();
        var request = new Audit.V1.ListEntriesRequest { Tenant = tenant, TaskId = known.Task.Id, Count = PageMax };
        do
        {
            var page = await log.ListEntriesAsync(request, cancellationToken: stop);
            indexes.AddRange(page.Entries.Select(entry => entry.Index));
            request.Start = page.NextStart;
        }
        while (request.Start > 0);

        return indexes.Count > 0
            ? indexes
            : throw new ProblemException(Problem.Here("ENTRY_NOT_FOUND", $"The log has no entry about task {known.Task.Id} yet.", ExitCodes.NotFound));
    }

    private static async Task<JsonObject> WriteAsync(
        Audit.V1.LogService.LogServiceClient log, string tenant, long index, IReadOnlyList<Integrity.NoteVerifier> keys, string folder, CancellationToken stop)
    {
        var proof = await ProofAsync(log, tenant, index, stop);
        var (text, refusal) = proof.Entry.Index == index
            ? TlogProof.Write(proof, keys)
            : (null, $"the answer is about entry {proof.Entry.Index}");
        if (text is null)
        {
            throw new ProblemException(Problem.Here("PROOF_INVALID", $"Entry {index} cannot be proven: {refusal}. Nothing was written for it.", ExitCodes.Findings));
        }

        var (proofFile, leafFile) = (Path.Combine(folder, $"{index}.tlog-proof"), Path.Combine(folder, $"{index}.leaf.json"));
        await File.WriteAllTextAsync(proofFile, text, new UTF8Encoding(false), stop);
        await File.WriteAllBytesAsync(leafFile, proof.Entry.Leaf.ToByteArray(), stop);
        return new JsonObject { ["index"] = index, ["kind"] = proof.Entry.Kind, ["proof"] = proofFile, ["leaf"] = leafFile };
    }

    private static async Task<Audit.V1.GetInclusionProofResponse> ProofAsync(
        Audit.V1.LogService.LogServiceClient log, string tenant, long index, CancellationToken stop)
    {
        var end = TimeProvider.System.GetUtcNow() + CheckpointWithin;
        while (true)
        {
            try
            {
                return await log.GetInclusionProofAsync(
                    new Audit.V1.GetInclusionProofRequest { Tenant = tenant, Index = index }, cancellationToken: stop);
            }
            catch (RpcException young) when (young.StatusCode == StatusCode.NotFound && TimeProvider.System.GetUtcNow() < end)
            {
                // The checkpoint that covers it is at most a second away.
                await Task.Delay(Pause, stop);
            }
        }
    }
}
