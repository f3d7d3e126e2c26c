using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Mesh.Audit.V1;
using Mesh.Bus.V1;
using Mesh.Ingress.V1;
using Mesh.Orchestrator.V1;
using Mesh.Policy.V1;
using Mesh.TestKit;
using Mesh.Vault.V1;

namespace EndToEnd.Tests.Fixture;

/// <summary>The public API through ingress, as one principal.</summary>
public sealed class MeshApi : IDisposable
{
    private static readonly TimeSpan InsistFor = TimeSpan.FromSeconds(60);

    private readonly GrpcChannel channel;

    public MeshApi(string endpoint, string token)
    {
        channel = PlainChannel.Open(endpoint);
        var invoker = channel.CreateCallInvoker().Intercept(headers =>
        {
            headers.Add("authorization", $"Bearer {token}");
            return headers;
        });

        Tasks = new(invoker);
        Catalog = new(invoker);
        Bundles = new(invoker);
        Manifests = new(invoker);
        Secrets = new(invoker);
        Access = new(invoker);
        Approvals = new(invoker);
        Log = new(invoker);
        DeadLetters = new(invoker);
    }

    public TaskService.TaskServiceClient Tasks { get; }

    public CatalogService.CatalogServiceClient Catalog { get; }

    public BundleService.BundleServiceClient Bundles { get; }

    public ManifestService.ManifestServiceClient Manifests { get; }

    public SecretService.SecretServiceClient Secrets { get; }

    public AccessService.AccessServiceClient Access { get; }

    public ApprovalService.ApprovalServiceClient Approvals { get; }

    public LogService.LogServiceClient Log { get; }

    public DeadLetterService.DeadLetterServiceClient DeadLetters { get; }

    /// <summary>Repeats a call that is safe to repeat while the answer is that somebody is not there.</summary>
    /// <remarks>Only the statuses that mean this: a service that answers INTERNAL because its peer died has a defect.</remarks>
    public static async Task<T> InsistAsync<T>(Func<DateTime, AsyncUnaryCall<T>> call)
    {
        var until = DateTime.UtcNow + InsistFor;

        for (var pause = 20; ; pause = Math.Min(pause * 2, 250))
        {
            try
            {
                return await call(DateTime.UtcNow + TimeSpan.FromSeconds(35));
            }
            catch (RpcException error) when (IsSilence(error) && DateTime.UtcNow < until)
            {
                await Task.Delay(pause);
            }
        }
    }

    public void Dispose() => channel.Dispose();

    // With a DebugException the status is this client's own word for a connection that broke.
    private static bool IsSilence(RpcException error) =>
        error.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Aborted
        || error.Status.DebugException is not null;
}
