using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Tests.Peers;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace Mesh.Ingress.Tests.Forwarding;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_call_reaches_its_owner_by_json_and_by_grpc_with_the_principal_and_the_token()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.GetAsync("/v1/whoami");
        var answer = await new Policy.V1.AccessService.AccessServiceClient(door.Grpc).WhoAmIAsync(new(), door.Bearer);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("\"ada\"", body, StringComparison.Ordinal);
        Assert.Equal("ada", answer.Principal.Id);
        Assert.All(door.Recorded.Callers, caller => Assert.Equal(("ada", door.Token), (caller.Principal.Id, caller.Token)));
    }

    [Theory]
    [InlineData("mesh-principal-bin")]
    [InlineData("Mesh-Principal-Bin")]
    [InlineData("mesh-anything")]
    [InlineData("x-forwarded-for")]
    public async Task What_a_stranger_says_about_itself_never_arrives(string header)
    {
        await using var door = await TestDoor.StartAsync();
        var mallory = Convert.ToBase64String(new Policy.V1.Principal { Id = "mallory" }.ToByteArray());
        var request = new HttpRequestMessage(HttpMethod.Get, "/v1/whoami");
        request.Headers.TryAddWithoutValidation(header, mallory);
        request.Headers.TryAddWithoutValidation(header, mallory);

        var (_, body) = await door.SendAsync(request);
        var metadata = door.Bearer;
        metadata.Add(header.EndsWith("-bin", StringComparison.OrdinalIgnoreCase) ? new Metadata.Entry(header, Convert.FromBase64String(mallory)) : new Metadata.Entry(header, mallory));
        var answer = await new Policy.V1.AccessService.AccessServiceClient(door.Grpc).WhoAmIAsync(new(), metadata);

        Assert.DoesNotContain("mallory", body, StringComparison.Ordinal);
        Assert.Equal("ada", answer.Principal.Id);
        Assert.All(door.Recorded.Callers, caller => Assert.Equal(header.StartsWith("mesh-p", StringComparison.OrdinalIgnoreCase), caller.Headers.Contains(header.ToLowerInvariant())));
    }

    [Fact]
    public async Task Refusals_of_an_owner_come_through_as_they_are()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.GetAsync("/v1/tenants/acme/tasks/x");
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Orchestrator.V1.TaskService.TaskServiceClient(door.Grpc).GetTaskAsync(new() { Tenant = "acme", TaskId = "x" }, door.Bearer));
        var (invalid, fields) = await door.PostAsync("/v1/access/tokens", "{}");

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("TASK_NOT_FOUND", body, StringComparison.Ordinal);
        Assert.Equal((StatusCode.NotFound, Reason.TaskNotFound), (refused.StatusCode, RpcFailure.Read(refused).Reason));
        Assert.Equal(HttpStatusCode.BadRequest, invalid.StatusCode);
        Assert.Contains("\"principal\"", fields, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_pass_in_both_directions_with_their_trailers()
    {
        await using var door = await TestDoor.StartAsync();
        using var watch = new Orchestrator.V1.TaskService.TaskServiceClient(door.Grpc).WatchTask(new(), door.Bearer);
        using var upload = new Orchestrator.V1.BundleService.BundleServiceClient(door.Grpc).UploadBundle(door.Bearer);

        var seen = 0;
        var gone = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            {
                seen++;
            }
        });

        for (var i = 0; i < 8; i++)
        {
            await upload.RequestStream.WriteAsync(new() { Chunk = ByteString.CopyFrom(new byte[1024 * 1024]) }, TestContext.Current.CancellationToken);
        }

        await upload.RequestStream.CompleteAsync();
        await upload.ResponseAsync;

        Assert.Equal((2, Reason.TaskNotFound), (seen, RpcFailure.Read(gone).Reason));
    }

    [Fact]
    public async Task A_stream_above_its_limit_is_cut_off()
    {
        await using var door = await TestDoor.StartAsync();
        using var upload = new Orchestrator.V1.BundleService.BundleServiceClient(door.Grpc).UploadBundle(door.Bearer, DateTime.UtcNow.AddSeconds(20));
        var chunk = ByteString.CopyFrom(new byte[1024 * 1024]);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            try
            {
                for (var i = 0; i < 70; i++)
                {
                    // Once cut off, a write that waits for room may wait for ever: the client library does not end it.
                    await await Task.WhenAny(upload.RequestStream.WriteAsync(new() { Chunk = chunk }), upload.ResponseAsync);
                }

                await upload.RequestStream.CompleteAsync();
            }
            catch (RpcException)
            {
                // Cut off while writing: the answer says why.
            }

            await upload.ResponseAsync;
        });

        Assert.Equal(Reason.PayloadTooLarge, RpcFailure.Read(refused).Reason);
    }

    [Fact]
    public async Task An_owner_that_is_away_is_named()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.GetAsync("/v1/audit/keys");
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Audit.V1.LogService.LogServiceClient(door.Grpc).GetKeysAsync(new(), door.Bearer));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Contains("\"service\"", body, StringComparison.Ordinal);
        Assert.Equal((Reason.ServiceUnavailable, "audit"), (RpcFailure.Read(refused).Reason, RpcFailure.Read(refused).Metadata["service"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_replica_that_stops_had_in_hand_and_did_not_look_at_goes_to_another_one_whole(bool isGrpc)
    {
        var keys = TestKeys.Create();
        using var closing = ClosingReplica.Start(keys.Of("orchestrator"));
        await using var door = await TestDoor.StartAsync(keys, "orchestrator", closing.Address);
        var workflow = new string('w', 1000);
        var answers = new List<string>();

        // Each goes to the replica whose turn it is.
        for (var i = 0; i < 2; i++)
        {
            answers.Add(isGrpc
                ? (await new Orchestrator.V1.TaskService.TaskServiceClient(door.Grpc).StartTaskAsync(new() { Tenant = "acme", Workflow = workflow }, door.Bearer)).Task.Workflow
                : (await door.PostAsync("/v1/tenants/acme/tasks", $$"""{"workflow":"{{workflow}}"}""")).Body);
        }

        await closing.Gone.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.All(answers, answer => Assert.Contains(workflow, answer, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Paths_that_are_not_there_and_verbs_that_are_not_theirs_are_answered_in_one_form()
    {
        await using var door = await TestDoor.StartAsync();

        var (nowhere, form) = await door.GetAsync("/v1/nothing");
        var (verb, _) = await door.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "/v1/whoami"));
        var (options, _) = await door.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/v1/whoami"));
        var (front, text) = await door.GetAsync("/", withToken: false);
        var (hook, _) = await door.GetAsync("/hooks/acme/shop", withToken: false);

        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
        Assert.Contains("\"details\"", form, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET, OPTIONS"), (verb.StatusCode, string.Join(", ", verb.Content.Headers.Allow)));
        Assert.Equal(HttpStatusCode.NoContent, options.StatusCode);
        Assert.Equal(HttpStatusCode.OK, front.StatusCode);
        Assert.StartsWith("Mesh ", text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, hook.StatusCode);
    }
}
