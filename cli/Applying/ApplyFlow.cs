using Grpc.Core;
using Mesh.Cli.Output;

namespace Mesh.Cli.Applying;

/// <summary>Applies manifests, or says what that would change.</summary>
/// <remarks>
/// The mesh reads the manifests and says which agents' folders it needs; they are packed and uploaded here, then named by
/// digest. An uploaded bundle does nothing until a workflow is applied that names it, so a diff uploads them too.
/// </remarks>
internal sealed class ApplyFlow(CallInvoker mesh, TextWriter progress)
{
    private readonly Ingress.V1.ManifestService.ManifestServiceClient manifests = new(mesh);
    private readonly BundleUpload upload = new(new Orchestrator.V1.BundleService.BundleServiceClient(mesh), progress);

    public async Task<Ingress.V1.ApplyResponse> RunAsync(ManifestFiles files, bool dryRun, CancellationToken stop)
    {
        var request = new Ingress.V1.ApplyRequest { Files = { files.Files }, DryRun = true };
        var asked = await manifests.ApplyAsync(request, cancellationToken: stop);
        if (asked.BundlesNeeded.Count > 0)
        {
            await SupplyAsync(files, asked, request, stop);
        }
        else if (dryRun)
        {
            return asked;
        }

        request.DryRun = dryRun;
        var answer = await manifests.ApplyAsync(request, cancellationToken: stop);
        return answer.BundlesNeeded.Count == 0
            ? answer
            : throw new ProblemException(Problem.Here("BUNDLES_UNKNOWN", "The mesh asks again for bundles that it was given.", ExitCodes.Error));
    }

    private async Task SupplyAsync(
        ManifestFiles files, Ingress.V1.ApplyResponse asked, Ingress.V1.ApplyRequest request, CancellationToken stop)
    {
        // Workflows may share a folder; it is packed once.
        var packed = new Dictionary<string, Bundle>();
        foreach (var tenant in asked.BundlesNeeded.GroupBy(needed => needed.Tenant))
        {
            foreach (var needed in tenant)
            {
                var folder = files.FolderOf(needed);
                var bundle = packed.TryGetValue(folder, out var known) ? known : packed[folder] = Bundle.Pack(folder);
                request.Bundles.Add($"{needed.Tenant}/{needed.Workflow}", bundle.Digest.ToString());
            }

            await upload.SendMissingAsync(tenant.Key, [.. packed.Values], stop);
        }
    }
}
