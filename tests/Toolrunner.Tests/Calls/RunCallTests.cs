using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Facts.V1;
using Mesh.ServiceHost;
using Outcome = Mesh.Toolrunner.V1.CallReport.Types.Outcome;

namespace Mesh.Toolrunner.Tests.Calls;

public sealed class RunCallTests(RunnerProcess runner) : IClassFixture<RunnerProcess>, IAsyncLifetime
{
    private Target target = null!;

    public async ValueTask InitializeAsync() => target = await Target.StartAsync();

    public ValueTask DisposeAsync() => target.DisposeAsync();

    [Fact]
    public async Task A_call_sends_exactly_the_canonical_arguments_with_the_credential_and_the_digest_as_key()
    {
        var report = await RunAsync(Tool.At(target).Call(runner.Vault, """{"z":1.0,"a":"é"}"""));

        Assert.Equal(Outcome.Succeeded, report.Outcome);
        var seen = Assert.Single(target.Requests);
        Assert.Equal("""{"a":"é","z":1}""", seen.Body);
        Assert.Equal("Bearer " + Tool.Secret, seen.Headers["Authorization"]);
        Assert.Equal(Convert.ToHexStringLower(runner.Vault.Redeemed.Last().ActionDigest.Span), seen.Headers["Idempotency-Key"]);
        Assert.False(seen.Headers.ContainsKey("Accept-Encoding"));
        Assert.False(seen.Headers.ContainsKey("traceparent"));
        Assert.Equal(["secrets.lease shop 1 use, 60 s", "tool.call shop.echo 200 OK"], report.Spans.Select(s => $"{s.Name} {s.Subject} {s.Outcome}"));
    }

    [Fact]
    public async Task A_tool_without_a_secret_redeems_a_lease_of_nothing_and_sends_none()
    {
        var report = await RunAsync((Tool.At(target) with { HasSecret = false }).Call(runner.Vault, "{}"));

        Assert.Equal(Outcome.Succeeded, report.Outcome);
        Assert.False(Assert.Single(target.Requests).Headers.ContainsKey("Authorization"));
        Assert.Equal("no secret", report.Spans[0].Subject);
    }

    [Fact]
    public async Task An_echoing_target_gives_no_form_of_the_credential_away()
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/leak" }).Call(runner.Vault, "{}"));

        var value = report.Value.ToStringUtf8();
        Assert.True(report.Scrubbed >= 11, value);
        Assert.Contains("[credential]", value, StringComparison.Ordinal);
        var decoded = Uri.UnescapeDataString(System.Net.WebUtility.HtmlDecode(value));

        foreach (var form in (string[])[Tool.Secret, "s3cret", Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Tool.Secret))[..16], "czNjcmV0", "M3Nlc3JldA"])
        {
            Assert.DoesNotContain(form, value, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(form, decoded, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain(Tool.Secret, runner.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_a_failed_answer_and_is_not_followed()
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/redirect" }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Failed, 302), (report.Outcome, report.HttpStatus));
        Assert.Single(target.Requests);
    }

    [Fact]
    public async Task An_error_of_the_target_is_told_with_its_words()
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/status/422" }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Failed, 422, """{"error":"said so"}"""), (report.Outcome, report.HttpStatus, report.Value.ToStringUtf8()));
    }

    [Theory]
    [InlineData(502, "write", Outcome.Unknown)]
    [InlineData(504, "write", Outcome.Unknown)]
    [InlineData(504, "read", Outcome.Failed)]
    [InlineData(503, "write", Outcome.Failed)]
    public async Task A_gateway_that_heard_nothing_leaves_the_outcome_of_a_write_unknown(int status, string toolClass, Outcome expected)
    {
        var report = await RunAsync((Tool.At(target) with { Path = $"/status/{status}", Class = toolClass }).Call(runner.Vault, "{}"));

        Assert.Equal((expected, status), (report.Outcome, report.HttpStatus));
    }

    [Theory]
    [InlineData("/slow")]
    [InlineData("/drip")]
    public async Task A_target_that_does_not_end_its_answer_in_time_leaves_the_outcome_unknown(string path)
    {
        var watch = Stopwatch.StartNew();
        var report = await RunAsync((Tool.At(target) with { Path = path, Timeout = "1s" }).Call(runner.Vault, "{}"));

        Assert.Equal(Outcome.Unknown, report.Outcome);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.9, 5);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("GET")]
    [InlineData("DELETE")]
    public async Task A_connection_that_ends_without_an_answer_leaves_the_outcome_unknown_and_nothing_is_sent_again(string method)
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/hangup", Method = method }).Call(runner.Vault, "{}"));

        Assert.Equal(Outcome.Unknown, report.Outcome);
        Assert.Single(target.Requests);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("GET")]
    [InlineData("DELETE")]
    public async Task A_connection_that_is_closed_politely_without_an_answer_is_not_tried_again_either(string method)
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var host = listener.LocalEndpoint.ToString()!;
        var requests = 0;
        _ = Task.Run(
            async () =>
            {
                while (true)
                {
                    using var connection = await listener.AcceptTcpClientAsync(Stop);
                    requests += await connection.GetStream().ReadAsync(new byte[4096], Stop) > 0 ? 1 : 0;
                }
            },
            Stop);

        var report = await RunAsync((new Tool($"http://{host}", host) with { Method = method }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Unknown, 1), (report.Outcome, requests));
    }

    [Fact]
    public async Task A_flood_is_cut_off_at_the_limit_and_counts_as_performed()
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/bomb", BytesMax = 50_000 }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Failed, 200, "TOOL_OUTPUT_TOO_LARGE"), (report.Outcome, report.HttpStatus, report.Reason));
        Assert.Contains("200 OK, so the call was performed", report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_of_angle_brackets_is_as_long_in_the_journal_as_on_the_wire()
    {
        var report = await RunAsync((Tool.At(target) with { Path = "/fill/60/262142", BytesMax = 262_144 }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Succeeded, 262_144), (report.Outcome, report.Value.Length));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(34)]
    [InlineData(255)]
    public async Task An_answer_that_passes_the_limit_only_as_JSON_is_not_kept_and_the_call_counts_as_performed(int filling)
    {
        var report = await RunAsync((Tool.At(target) with { Path = $"/fill/{filling}/262144", BytesMax = 262_144 }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.Failed, 200, "TOOL_OUTPUT_TOO_LARGE"), (report.Outcome, report.HttpStatus, report.Reason));
        Assert.Contains("200 OK, so the call was performed", report.Message, StringComparison.Ordinal);
        Assert.True(report.Value.IsEmpty);
    }

    [Fact]
    public async Task Nobody_listening_means_that_nothing_was_sent()
    {
        var port = TestKit.FreePorts.One();
        var report = await RunAsync(new Tool($"http://127.0.0.1:{port}", $"127.0.0.1:{port}").Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.NotSent, "SERVICE_UNAVAILABLE"), (report.Outcome, report.Reason));
    }

    [Fact]
    public async Task A_metadata_address_is_never_reached_though_the_integration_names_it()
    {
        var report = await RunAsync(new Tool("http://169.254.169.254:80", "169.254.169.254:80") with { } is var tool
            ? (tool with { BaseUrl = "http://169.254.169.254" }).Call(runner.Vault, "{}")
            : null!);

        Assert.Equal((Outcome.NotSent, "EGRESS_DENIED"), (report.Outcome, report.Reason));
    }

    [Fact]
    public async Task An_address_that_the_vault_does_not_know_is_not_called()
    {
        var report = await RunAsync((Tool.At(target) with { VaultBaseUrl = "http://127.0.0.1:9" }).Call(runner.Vault, "{}"));

        Assert.Equal((Outcome.NotSent, "TOOL_DEFINITION_CHANGED"), (report.Outcome, report.Reason));
        Assert.Empty(target.Requests);
    }

    [Theory]
    [InlineData("../admin")]
    [InlineData("..%2fadmin")]
    [InlineData("..")]
    [InlineData("42/cancel")]
    [InlineData("42%252Fcancel")]
    public async Task An_argument_that_climbs_the_path_or_adds_to_it_is_refused_before_the_lease_is_used(string order)
    {
        var call = (Tool.At(target) with { Path = "/echo/{input.order}" }).Call(runner.Vault, new JsonObject { ["order"] = order }.ToJsonString());
        var report = await RunAsync(call);

        Assert.Equal((Outcome.NotSent, "INVALID_ARGUMENT"), (report.Outcome, report.Reason));
        Assert.StartsWith("{input.order} would ", report.Message, StringComparison.Ordinal);
        Assert.Empty(target.Requests);
        Assert.True(runner.Vault.Leases.ContainsKey(call.Lease));
    }

    [Fact]
    public async Task An_argument_cannot_add_a_query_or_a_header()
    {
        var tool = Tool.At(target) with { Path = "/echo/{input.a}", Headers = new JsonObject { ["X-Note"] = "{input.note}" } };
        var clean = await RunAsync(tool.Call(runner.Vault, """{"a":"x?admin=1&y#z;..","note":"fine"}"""));
        var split = await RunAsync(tool.Call(runner.Vault, """{"a":"x","note":"fine\r\nX-Admin: 1"}"""));

        Assert.Equal(Outcome.Succeeded, clean.Outcome);
        Assert.Equal("/echo/x%3Fadmin%3D1%26y%23z%3B..", Assert.Single(target.Requests).Url);
        Assert.Equal((Outcome.NotSent, "INVALID_ARGUMENT"), (split.Outcome, split.Reason));
    }

    [Fact]
    public async Task A_refusal_of_the_vault_means_that_nothing_was_sent()
    {
        var report = await RunAsync(Tool.At(target).Call(runner.Vault, "{}", call => call.Lease = "mlt_used"));

        Assert.Equal((Outcome.NotSent, "LEASE_USED"), (report.Outcome, report.Reason));
        Assert.Empty(target.Requests);
    }

    [Fact]
    public async Task A_repeat_gets_the_first_result_and_the_lease_and_the_target_are_used_once()
    {
        var call = Tool.At(target).Call(runner.Vault, """{"n":1}""");
        var reports = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RunAsync(call)));

        Assert.All(reports, report => Assert.Equal(Outcome.Succeeded, report.Outcome));
        Assert.Single(target.Requests);
    }

    [Fact]
    public async Task A_call_goes_on_when_its_caller_hangs_up_and_can_be_asked_for()
    {
        var call = (Tool.At(target) with { Path = "/slow", Timeout = "2s" }).Call(runner.Vault, "{}");
        await Assert.ThrowsAsync<RpcException>(async () => await runner.Client.RunCallAsync(call, deadline: DateTime.UtcNow.AddMilliseconds(700), cancellationToken: Stop));

        var instance = (await RunAsync(Tool.At(target).Call(runner.Vault, "{}"))).RunnerInstance;
        var digest = runner.Vault.Redeemed.Single(r => r.Lease == call.Lease).ActionDigest;
        var asked = await runner.Client.AskCallAsync(new V1.AskCallRequest { ActionDigest = digest, Dispatch = 1, RunnerInstance = instance }, cancellationToken: Stop);
        var stranger = await runner.Client.AskCallAsync(new V1.AskCallRequest { ActionDigest = digest, Dispatch = 1, RunnerInstance = "another" }, cancellationToken: Stop);

        Assert.Equal((true, Outcome.Unknown), (asked.Known, asked.Report.Outcome));
        Assert.False(stranger.Known);
    }

    [Theory]
    [InlineData("200", Outcome.ProbePerformed)]
    [InlineData("404", Outcome.ProbeNotPerformed)]
    [InlineData("500", Outcome.Unknown)]
    [InlineData("401", Outcome.Unknown)]
    public async Task A_probe_says_performed_not_performed_or_that_it_does_not_know(string status, Outcome expected)
    {
        var tool = Tool.At(target) with
        {
            Reconcile = new JsonObject
            {
                ["http"] = new JsonObject { ["method"] = "GET", ["path"] = $"/status/{status}?key={{idempotencyKey}}" },
                ["performedWhen"] = new JsonObject { ["status"] = 200 },
            },
        };
        var report = await RunAsync(tool.Call(runner.Vault, "{}", call => call.Purpose = CallDispatched.Types.Purpose.Probe));

        Assert.Equal(expected, report.Outcome);
        Assert.Equal("GET", Assert.Single(target.Requests).Method);
    }

    [Theory]
    [InlineData("""{"a":9007199254740993}""", """{"a":9007199254740993}""")]
    [InlineData("plain \"text\"", "\"plain \\\"text\\\"\"")]
    [InlineData("""{"a":1,"a":2}""", "\"{\\\"a\\\":1,\\\"a\\\":2}\"")]
    [InlineData("<é>", "\"<é>\"")]
    [InlineData("", "null")]
    public void Strict_JSON_stays_as_it_is_and_anything_else_is_a_string(string body, string value) =>
        Assert.Equal(value, Encoding.UTF8.GetString(Mesh.Toolrunner.Output.AnswerValue.Of(Encoding.UTF8.GetBytes(body), [])));

    [Fact]
    public async Task Fields_that_are_to_be_redacted_are_blanked_at_any_depth()
    {
        var report = await RunAsync((Tool.At(target) with { Redact = ["card_number"] })
            .Call(runner.Vault, """{"list":[{"card_number":"4111","n":1}],"card_number":{"deep":1},"ok":true}"""));

        Assert.Equal("""{"card_number":"[redacted]","list":[{"card_number":"[redacted]","n":1}],"ok":true}""", report.Value.ToStringUtf8());
    }

    [Fact]
    public async Task Arguments_that_are_not_canonical_are_refused()
    {
        var failure = await Assert.ThrowsAsync<RpcException>(() => RunAsync(
            Tool.At(target).Call(runner.Vault, "{}", call => call.Arguments = Google.Protobuf.ByteString.CopyFromUtf8("""{"b":1, "a":2}"""))));

        Assert.Equal(Reason.InvalidArgument, RpcFailure.Read(failure).Reason);
    }

    [Fact(Explicit = true)]
    public async Task What_a_call_costs_beside_redemption_and_target_is_told()
    {
        var own = new List<double>();

        for (var i = 0; i < 600; i++)
        {
            var call = Tool.At(target).Call(runner.Vault, $$"""{"n":{{i}}}""");
            var started = Stopwatch.GetTimestamp();
            var report = await RunAsync(call);
            own.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds - report.Spans.Sum(span => span.Duration.ToTimeSpan().TotalMilliseconds));
            Assert.Equal(Outcome.Succeeded, report.Outcome);
        }

        var hop = new List<double>();

        for (var i = 0; i < 600; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await runner.Client.AskCallAsync(new V1.AskCallRequest { ActionDigest = Google.Protobuf.ByteString.CopyFrom(new byte[32]) }, cancellationToken: Stop);
            hop.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        // For people; a number that depends on the machine is no promise of a test. The hop to the runner is in it.
        var late = own.Skip(300).Order().ToArray();
        var hops = hop.Skip(300).Order().ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"own cost with one hop: p50 {late[150]:0.000} ms, p99 {late[297]:0.000} ms; the hop alone: p50 {hops[150]:0.000} ms, p99 {hops[297]:0.000} ms");
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<V1.CallReport> RunAsync(V1.RunCallRequest call) => (await runner.Client.RunCallAsync(call, cancellationToken: Stop)).Report;
}
