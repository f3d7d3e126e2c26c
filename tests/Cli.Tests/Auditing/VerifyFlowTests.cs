using Grpc.Core;
using Mesh.Audit.V1;
using Mesh.Cli;
using Mesh.Cli.Auditing;
using Mesh.Cli.Output;
using Mesh.Orchestrator.V1;

namespace Cli.Tests.Auditing;

public sealed class VerifyFlowTests : IDisposable
{
    private readonly SampleLog log = new SampleLog().AddIntent().AddRequested().AddSettled();
    private readonly string folder = Directory.CreateTempSubdirectory("mesh-seen-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_log_that_shows_nothing_after_it_was_verified_with_entries_has_shrunk()
    {
        new SeenCheckpoints(folder).Keep(log.Signer.Verifier, log.Prove(0).Checkpoint);

        var report = await Verifier(SampleLog.Tenant).RunAsync(SampleLog.Tenant, Stop);

        Assert.False(report.IsVerified);
        Assert.Equal("SHRUNK", Assert.Single(report.Findings).Code);
        Assert.Equal(3, report.SizeBefore);
    }

    [Fact]
    public async Task A_tenant_that_does_not_exist_is_an_error_and_not_an_empty_log()
    {
        var refused = await Assert.ThrowsAsync<ProblemException>(() => Verifier(SampleLog.Tenant).RunAsync("nobody", Stop));

        Assert.Equal((ExitCodes.NotFound, "TENANT_NOT_FOUND"), (refused.Problem.ExitCode, refused.Problem.Reason));
    }

    [Fact]
    public async Task The_log_of_a_tenant_that_did_nothing_yet_is_verified_as_empty()
    {
        var report = await Verifier(SampleLog.Tenant).RunAsync(SampleLog.Tenant, Stop);

        Assert.True(report.IsVerified);
        Assert.Equal(0, report.Size);
    }

    public void Dispose()
    {
        log.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private VerifyFlow Verifier(params string[] tenants) => new(
        new EmptyLogs(tenants),
        new TrustedKeys([log.Signer.Verifier], "here", AreIndependent: true),
        new SeenCheckpoints(folder));

    /// <summary>A mesh with these tenants, whose logs are all empty.</summary>
    private sealed class EmptyLogs(string[] tenants) : CallInvoker
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            object? answer = request switch
            {
                ListEntriesRequest => new ListEntriesResponse(),
                ListTenantsRequest => new ListTenantsResponse { Tenants = { tenants } },
                _ => null,
            };
            var response = answer is TResponse known
                ? Task.FromResult(known)
                : Task.FromException<TResponse>(new RpcException(new Status(StatusCode.NotFound, "There is no checkpoint yet.")));
            return new AsyncUnaryCall<TResponse>(response, Task.FromResult<Metadata>([]), () => Status.DefaultSuccess, () => [], () => { });
        }

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();
    }
}
