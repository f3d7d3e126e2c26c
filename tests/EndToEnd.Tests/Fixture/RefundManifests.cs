using System.Globalization;
using Mesh.Ingress.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>The refund sample's manifests, for a shop on another port and for a tenant of any name.</summary>
public static class RefundManifests
{
    private static readonly Lazy<AgentBundle> Agent = new(PackAgent);

    private static string SampleFolder => Path.Combine(Repository.Root, "sdk", "samples", "refund", "manifests");

    private static string AgentFolder => Path.Combine(Repository.Root, "artifacts", "samples", "refund", "agent");

    /// <summary>Applies them as <c>mesh apply -f</c> does: bundle first, then all files at once.</summary>
    public static async Task ApplyAsync(MeshApi api, string tenant, int shopPort, Func<string, string>? edit = null)
    {
        var request = new ApplyRequest { Bundles = { [$"{tenant}/refund-request"] = Agent.Value.Digest } };

        foreach (var file in Directory.EnumerateFiles(SampleFolder, "*.yaml").Order(StringComparer.Ordinal))
        {
            var text = (await File.ReadAllTextAsync(file))
                .Replace("7390", shopPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
                .Replace("tenant: acme", $"tenant: {tenant}", StringComparison.Ordinal)
                .Replace("{name: acme}", $"{{name: {tenant}}}", StringComparison.Ordinal);
            request.Files.Add(new ManifestFile { Name = Path.GetFileName(file), Text = edit is null ? text : edit(text) });
        }

        // A bundle belongs to a tenant, which has to be there first.
        var first = new ApplyRequest { Files = { request.Files.Where(file => file.Name == "tenant.yaml") } };
        await MeshApi.InsistAsync(deadline => api.Manifests.ApplyAsync(first, deadline: deadline));
        await Agent.Value.UploadAsync(api, tenant);
        await MeshApi.InsistAsync(deadline => api.Manifests.ApplyAsync(request, deadline: deadline));
    }

    private static AgentBundle PackAgent() => File.Exists(Path.Combine(AgentFolder, "RefundAgent.dll"))
        ? AgentBundle.Pack(AgentFolder)
        : throw new InvalidOperationException($"The sample agent is not in {AgentFolder}: ./mesh test and ./mesh demo build it.");
}
