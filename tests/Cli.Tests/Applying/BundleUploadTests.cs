using System.Net;
using Grpc.Core;
using Mesh.Cli.Applying;
using Mesh.Integrity;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cli.Tests.Applying;

public sealed class BundleUploadTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_upload_that_is_refused_before_its_end_ends_and_says_why()
    {
        await using var mesh = await StartRefusingMeshAsync();
        var content = new byte[4 * 1024 * 1024];
        var bundle = new Bundle(ContentDigest.Of(content), content);
        var refusals = new List<StatusCode>();

        // The moment in which a write could be left waiting for ever is short, and comes on a connection that is in use.
        for (var connection = 0; connection < 50; connection++)
        {
            using var channel = PlainChannel.Open(mesh.Urls.Single());
            var upload = new BundleUpload(new BundleService.BundleServiceClient(channel), TextWriter.Null);

            for (var i = 0; i < 20; i++)
            {
                var refused = await Assert.ThrowsAsync<RpcException>(
                    () => upload.SendMissingAsync("acme", [bundle], Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop));
                refusals.Add(refused.StatusCode);
            }
        }

        // Of 6,000, one met the end of its connection: the server takes data of a stream that was just reset amiss.
        Assert.InRange(refusals.Count(status => status == StatusCode.PermissionDenied), 900, 1000);
    }

    private static async Task<WebApplication> StartRefusingMeshAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapGrpcService<RefusingBundles>();
        await app.StartAsync(Stop);
        return app;
    }

    /// <summary>Wants every bundle that it is asked about, reads the beginning of it, and refuses.</summary>
    private sealed class RefusingBundles : BundleService.BundleServiceBase
    {
        public override Task<FindMissingBundlesResponse> FindMissingBundles(FindMissingBundlesRequest request, ServerCallContext context) =>
            Task.FromResult(new FindMissingBundlesResponse { Digests = { request.Digests } });

        public override async Task<UploadBundleResponse> UploadBundle(IAsyncStreamReader<UploadBundleRequest> requestStream, ServerCallContext context)
        {
            await requestStream.MoveNext();
            throw new RpcException(new Status(StatusCode.PermissionDenied, "Not yours."));
        }
    }
}
