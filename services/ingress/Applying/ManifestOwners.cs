using Grpc.Core;
using Mesh.Ingress.Identity;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>The services that keep copies of manifests, in the order in which they are asked: guards first.</summary>
internal sealed class ManifestOwners(PeerChannels peers)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What can stop a call comes to know a tool before what can ask for one.</summary>
    public static IReadOnlyList<string> InOrder { get; } = ["policy", "vault", "orchestrator"];

    /// <summary>Asks one owner what it would say, for the principal and with its token.</summary>
    /// <exception cref="RefusalException">It did not answer.</exception>
    /// <exception cref="RpcException">It refused.</exception>
    public Task<Wire.ApplyManifestsResponse> ValidateAsync(string owner, IReadOnlyList<Wire.ManifestDocument> documents, ServerCallContext context) => AskAsync(
        owner, new Wire.ApplyManifestsRequest { Documents = { documents }, ValidateOnly = true }, context, context.CancellationToken);

    /// <summary>Has one owner take them, also when the caller is gone meanwhile.</summary>
    /// <param name="owner">The service.</param>
    /// <param name="documents">All of the apply.</param>
    /// <param name="generation">The place of the apply among others; zero for policy, which gives it.</param>
    /// <param name="context">The call, for its principal and token.</param>
    /// <exception cref="RefusalException">It did not answer, and may have taken them.</exception>
    /// <exception cref="RpcException">It refused.</exception>
    public Task<Wire.ApplyManifestsResponse> ApplyAsync(
        string owner, IReadOnlyList<Wire.ManifestDocument> documents, long generation, ServerCallContext context) => AskAsync(
        owner, new Wire.ApplyManifestsRequest { Documents = { documents }, Generation = generation }, context, CancellationToken.None);

    private async Task<Wire.ApplyManifestsResponse> AskAsync(
        string owner, Wire.ApplyManifestsRequest request, ServerCallContext context, CancellationToken stop)
    {
        try
        {
            return await new Wire.ManifestIntakeService.ManifestIntakeServiceClient(peers.Invoker(owner)).ApplyManifestsAsync(
                request,
                OnBehalf.Of(context),
                DateTime.UtcNow + Patience,
                stop);
        }
        catch (RpcException failure) when (!stop.IsCancellationRequested && RpcFailure.Read(failure).IsSilence)
        {
            throw Answers.Unavailable(owner).AsException();
        }
    }
}
