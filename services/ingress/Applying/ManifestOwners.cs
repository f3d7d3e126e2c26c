using Grpc.Core;
using Mesh.ServiceHost;
using Wire = Mesh.Manifests.V1;

namespace Mesh.Ingress.Applying;

/// <summary>The services that keep copies of manifests, in the order in which they are asked: guards first.</summary>
internal sealed class ManifestOwners(PeerChannels peers)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What can stop a call comes to know a tool before what can ask for one.</summary>
    public static IReadOnlyList<string> InOrder { get; } = ["policy", "vault", "orchestrator"];

    /// <summary>Asks one owner, for the principal and with its token.</summary>
    /// <exception cref="RefusalException">It refused, or did not answer.</exception>
    public async Task<Wire.ApplyManifestsResponse> AskAsync(
        string owner, IReadOnlyList<Wire.ManifestDocument> documents, bool validateOnly, ServerCallContext context)
    {
        var principal = context.GetHttpContext().Features.Get<Principal>() ?? throw Refusals.Unauthenticated("This call needs a token.");
        var metadata = new Metadata { { "authorization", $"Bearer {context.BearerToken()}" } };
        metadata.Add(principal);

        try
        {
            return await new Wire.ManifestIntakeService.ManifestIntakeServiceClient(peers.Invoker(owner)).ApplyManifestsAsync(
                new Wire.ApplyManifestsRequest { Documents = { documents }, ValidateOnly = validateOnly },
                metadata,
                DateTime.UtcNow + Patience,
                context.CancellationToken);
        }
        catch (RpcException failure) when (!context.CancellationToken.IsCancellationRequested && RpcFailure.Read(failure).IsSilence)
        {
            throw Answers.Unavailable(owner).AsException();
        }
    }
}
