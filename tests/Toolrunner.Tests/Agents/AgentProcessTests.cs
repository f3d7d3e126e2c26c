using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Google.Protobuf;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace Mesh.Toolrunner.Tests.Agents;

public sealed class AgentProcessTests : IAsyncLifetime
{
    // Speaks HTTP/1.1 by hand on the one descriptor that it has.
    private const string Script = """
        say() { printf 'POST %s HTTP/1.1\r\nHost: mesh\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n%s' "$1" "${3:-application/json}" "${#2}" "$2" >&3; }
        hear() { local length=0 line; while IFS= read -r line <&3; do line="${line%$'\r'}"; [ -z "$line" ] && break
          case "$line" in [Cc]ontent-[Ll]ength:*) length="${line#*: }";; HTTP*) status="${line#* }";; [Tt]ransfer-[Ee]ncoding:*) length=-1;; esac; done
          body=""; if [ "$length" = -1 ]; then while read -r size <&3; do size="${size%$'\r'}"; [ "$size" = 0 ] && { read -r _ <&3; break; }
            IFS= read -r -N $((16#$size)) part <&3; body="$body$part"; read -r _ <&3; done
          elif [ "$length" -gt 0 ]; then IFS= read -r -N "$length" body <&3; fi; }
        say /v1/work:record '{"claim":"c","stepKey":"hello#0","value":{"n":1.50}}'; hear
        say /v1/work:record '{"claim":"c","stepKey":"twice#0","value":{"n":1,"n":2}}'; hear; twice="$status"
        say /v1/work:record '{"claim":"c","stepKey":"big#0","value":9007199254740993}'; hear; big="$status"
        say /v1/work:record '{"claim":"c","stepKey":"unknown#0","valu":1}'; hear; unknown="${body//\"/}"
        say /v1/work:record '{"claim":"lost","stepKey":"lost#0","value":1}'; hear; lost="${body//\"/}"
        say /v1/work:record "{\"claim\":\"c\",\"stepKey\":\"answers#0\",\"value\":\"$twice | $big | $lost | $unknown\"}"; hear
        while true; do say /v1/work:poll '{"worker":"w","itemsMax":1,"wait":"2s"}'; hear || exit 0; [ -z "$status" ] && exit 0; done
        """;

    private readonly RunnerProcess runner = new();

    public ValueTask InitializeAsync() => runner.InitializeAsync();

    public ValueTask DisposeAsync() => runner.DisposeAsync();

    [Fact]
    public async Task An_agent_has_one_socket_an_empty_environment_and_a_user_of_its_own()
    {
        var watch = Stopwatch.StartNew();
        Assign("refunds", TestBundle.OfTheProbingAgent(), "dotnet", "Toolrunner.Tests.dll", "agent");

        var step = await StepAsync("seen#0");
        TestContext.Current.TestOutputHelper?.WriteLine($"assignment to first call: {watch.Elapsed.TotalMilliseconds:0} ms");
        var seen = JsonDocument.Parse(JsonDocument.Parse(step.Value.ToByteArray()).RootElement.GetString()!).RootElement;

        Assert.Equal(("acme", "refunds"), (step.Agent.Tenant, step.Agent.Workflow));
        var names = seen.GetProperty("environment").EnumerateArray().Select(e => e.GetString()!).ToArray();
        Assert.All(names, name => Assert.True(name is "PATH" or "LANG" or "HOME" or "TMPDIR" or "MESH_SOCKET_FD" || name.StartsWith("DOTNET_", StringComparison.Ordinal), name));
        var sockets = seen.GetProperty("descriptors").EnumerateArray().Select(e => e.GetString()!).Where(d => d.Contains("socket:", StringComparison.Ordinal)).ToArray();
        Assert.StartsWith("3 ", Assert.Single(sockets), StringComparison.Ordinal);
        var open = seen.GetProperty("descriptors").EnumerateArray().Select(e => e.GetString()!).ToArray();
        Assert.DoesNotContain(open, d => d.Contains(".sock", StringComparison.Ordinal) || d.Contains("/keys", StringComparison.Ordinal) || d.Contains(".key", StringComparison.Ordinal));

        if (Environment.UserName == "root")
        {
            var user = int.Parse(seen.GetProperty("user").GetString()!.Split('\t', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            Assert.InRange(user, 200_000, 265_535);
            Assert.Equal("Groups:", seen.GetProperty("groups").GetString()!.Trim());
            Assert.Empty(seen.GetProperty("neighbours").EnumerateArray());
        }

        Assert.Contains("the agent speaks", await File.ReadAllTextAsync(Path.Combine(runner.Data, "logs", "acme.refunds.log"), Stop), StringComparison.Ordinal);
        Assert.DoesNotContain("the agent speaks", runner.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_that_a_double_cannot_hold_reach_the_agent_as_strings_of_digits()
    {
        Assign("refunds", TestBundle.OfTheProbingAgent(), "dotnet", "Toolrunner.Tests.dll", "agent");
        await runner.Work.Work.Writer.WriteAsync(
            new WorkItem { TaskId = "t", Claim = "c", Input = ByteString.CopyFromUtf8("""{"exact":12.5,"long":9007199254740993}""") }, Stop);

        Assert.Equal("""{"exact":12.5,"long":"9007199254740993"}""", (await StepAsync("input#0")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task A_shell_script_speaks_JSON_and_is_held_to_strict_JSON()
    {
        Assign("shell", TestBundle.OfScript(Script), "bash", "agent.sh");

        Assert.Equal("""{"n":1.5}""", (await StepAsync("hello#0")).Value.ToStringUtf8());
        var answers = (await StepAsync("answers#0")).Value.ToStringUtf8();
        Assert.Contains("400 Bad Request | 400 Bad Request", answers, StringComparison.Ordinal);
        Assert.Contains("CLAIM_LOST", answers, StringComparison.Ordinal);
        Assert.Contains("valu is no field of this request", answers, StringComparison.Ordinal);
        Assert.DoesNotContain(runner.Work.Steps, step => step.StepKey is "twice#0" or "big#0" or "unknown#0");
    }

    [Fact]
    public async Task No_content_type_leads_past_the_strict_check()
    {
        var script = Script[..Script.IndexOf("say /v1/work:record", StringComparison.Ordinal)] + """
            seen=""
            for type in "application/grpc+json" "application/grpc+proto; x=+json" "application/grpc" "application/vnd.acme+json" "application/json; charset=utf-16" "application/json;charset=latin1" "text/plain" "APPLICATION/JSON"; do
              say /v1/work:record '{"claim":"c","stepKey":"odd#0","value":{"n":1,"n":2}}' "$type"; hear; seen="$seen$status,"; done
            say /v1/work:record "{\"claim\":\"c\",\"stepKey\":\"seen#0\",\"value\":\"$seen\"}" 'application/json; charset=UTF-8'; hear
            exec sleep 600
            """;
        Assign("shell", TestBundle.OfScript(script), "bash", "agent.sh");

        var seen = (await StepAsync("seen#0")).Value.ToStringUtf8();

        // Who says gRPC is refused in gRPC's way: 200, and the refusal in a header.
        Assert.Equal(8, seen.Split(',').Count(status => status.Contains("400 Bad Request", StringComparison.Ordinal) || status.Contains("200 OK", StringComparison.Ordinal)));
        Assert.Equal(5, seen.Split("400 Bad Request").Length - 1);
        Assert.DoesNotContain(runner.Work.Steps, step => step.StepKey == "odd#0");
    }

    [Fact]
    public async Task A_killed_agent_ends_its_claims_at_once_and_is_started_again()
    {
        Assign("shell", TestBundle.OfScript(Script), "bash", "agent.sh");
        var first = await StepAsync("hello#0");
        var pid = await PidAsync("acme/shell");

        var watch = Stopwatch.StartNew();
        Process.GetProcessById(pid).Kill();
        await Eventually.Async(() => runner.Work.Ends.Any(end => end.Agent.Instance == first.Agent.Instance));
        var told = watch.Elapsed;
        await Eventually.Async(() => runner.Work.Steps.Any(step => step.StepKey == "hello#0" && step.Agent.Instance != first.Agent.Instance));

        TestContext.Current.TestOutputHelper?.WriteLine($"kill to EndAgent: {told.TotalMilliseconds:0} ms, to the next agent's first call: {watch.Elapsed.TotalMilliseconds:0} ms");
        Assert.True(told < TimeSpan.FromSeconds(2), $"{told}");
        Assert.NotEqual(pid, await PidAsync("acme/shell"));
    }

    private async Task AssertOneProcessAsync(string first, string last)
    {
        Assert.Equal((await StepAsync(first)).Agent.Instance, (await StepAsync(last)).Agent.Instance);
        Assert.Empty(runner.Work.Ends);
    }

    // The web server looks at its connections once a second.
    [Fact]
    public async Task An_agent_that_thinks_for_some_seconds_keeps_its_only_connection()
    {
        Assign("refunds", TestBundle.OfTheProbingAgent(), "dotnet", "Toolrunner.Tests.dll", "agent");
        await runner.Work.Work.Writer.WriteAsync(
            new WorkItem { TaskId = "t", Claim = "c", Input = ByteString.CopyFromUtf8("""{"think_ms":2500}""") }, Stop);

        await AssertOneProcessAsync("seen#0", "input#0");
    }

    [Fact]
    public async Task A_script_that_thinks_for_some_seconds_keeps_its_only_connection()
    {
        var script = Script[..Script.IndexOf("say /v1/work:record", StringComparison.Ordinal)] + """
            say /v1/work:record '{"claim":"c","stepKey":"before#0","value":1}'; hear
            sleep 2.5
            say /v1/work:record '{"claim":"c","stepKey":"after#0","value":1}'; hear
            exec sleep 600
            """;
        Assign("shell", TestBundle.OfScript(script), "bash", "agent.sh");

        await AssertOneProcessAsync("before#0", "after#0");
    }

    [Fact]
    public async Task An_agent_that_is_not_assigned_any_more_is_stopped()
    {
        Assign("shell", TestBundle.OfScript(Script), "bash", "agent.sh");
        await StepAsync("hello#0");
        var pid = await PidAsync("acme/shell");

        runner.Work.Assign();

        await Eventually.Async(() => !Directory.Exists($"/proc/{pid}"));
        await Eventually.Async(() => runner.Work.Ends.Any(end => end.Cause == "stopped"));
    }

    [Fact]
    public async Task Agents_do_not_outlive_a_killed_runner()
    {
        // It does not even notice that its socket is gone.
        Assign("shell", TestBundle.OfScript(Script.Replace("say /v1/work:record '{\"claim\":\"c\",\"stepKey\":\"twice#0\"", "exec sleep 600; '", StringComparison.Ordinal)), "bash", "agent.sh");
        await StepAsync("hello#0");
        var pid = await PidAsync("acme/shell");

        runner.Kill();

        await Eventually.Async(() => !Directory.Exists($"/proc/{pid}"));
    }

    [Fact]
    public async Task A_child_that_left_the_session_with_the_socket_loses_the_identity_and_its_life_when_the_agent_ends()
    {
        Assert.SkipUnless(Environment.UserName == "root", "Without root, agents have no user of their own by which their children are known.");
        var (instance, agent, child, user) = await WithChildAsync();
        await Eventually.Async(() => runner.Work.Polls.Any(poll => poll.Instance == instance));

        Process.GetProcessById(agent).Kill();
        await Eventually.Async(() => runner.Work.Ends.Any(end => end.Agent.Instance == instance));
        var polls = runner.Work.Polls.Count(poll => poll.Instance == instance);

        await Eventually.Async(() => !IsAlive(child));
        Assert.DoesNotContain(Alive(), process => UserOf(process) == user);
        await Eventually.Async(() => !Scratches().Any(folder => folder.EndsWith(instance, StringComparison.Ordinal)));
        await Eventually.Async(() => runner.Work.Polls.Any(poll => poll.Instance != instance));
        Assert.Equal(polls, runner.Work.Polls.Count(poll => poll.Instance == instance));
    }

    [Fact]
    public async Task What_outlived_a_killed_runner_is_ended_and_removed_by_a_sweep()
    {
        Assert.SkipUnless(Environment.UserName == "root", "Without root, agents have no user of their own by which their children are known.");
        var (_, agent, child, _) = await WithChildAsync();
        var secret = Path.Combine(runner.Data, "not-the-agents");
        await File.WriteAllTextAsync(secret, "stays", Stop);
        File.CreateSymbolicLink(Path.Combine(Assert.Single(Scratches()), "link"), runner.Data);

        runner.Kill();
        await Eventually.Async(() => !IsAlive(agent));
        Assert.True(IsAlive(child));
        using var sweep = Process.Start("dotnet", [typeof(RunFlow).Assembly.Location, "sweep", runner.Data]);
        await sweep.WaitForExitAsync(Stop);

        Assert.Equal(0, sweep.ExitCode);
        Assert.False(IsAlive(child));
        Assert.Empty(Scratches());
        Assert.True(File.Exists(secret));
    }

    [Fact]
    public async Task A_connection_without_an_expected_nonce_is_closed()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(runner.Data, "door", "agents.sock")), Stop);
        await socket.SendAsync(new byte[32], Stop);
        await socket.SendAsync("POST /v1/work:poll HTTP/1.1\r\nHost: m\r\n\r\n"u8.ToArray(), Stop);

        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1], Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Stop));
        }
        catch (SocketException reset)
        {
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }

        Assert.Empty(runner.Work.Polls);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // An agent that sleeps, with a child in a session of its own that speaks on the agent's socket and outlives its loss.
    private async Task<(string Instance, int Agent, int Child, int User)> WithChildAsync()
    {
        var script = Script[..Script.IndexOf("say /v1/work:record", StringComparison.Ordinal)] + """
            export -f say hear
            setsid bash -c 'trap "" PIPE; say /v1/work:record "{\"claim\":\"c\",\"stepKey\":\"child#0\",\"value\":$$}"; hear
              while say /v1/work:poll "{\"worker\":\"w\",\"itemsMax\":1,\"wait\":\"0.1s\"}"; do hear; done; exec sleep 600' &
            exec sleep 600
            """;
        Assign("shell", TestBundle.OfScript(script), "bash", "agent.sh");
        var step = await StepAsync("child#0");
        var child = int.Parse(step.Value.ToStringUtf8(), CultureInfo.InvariantCulture);
        return (step.Agent.Instance, await PidAsync("acme/shell"), child, UserOf(child));
    }

    private IEnumerable<string> Scratches() => Directory.EnumerateDirectories(Path.Combine(runner.Data, "scratch"));

    private static IEnumerable<int> Alive() => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out var process) ? process : 0)
        .Where(process => process > 0 && IsAlive(process));

    private static bool IsAlive(int process) => StatusOf(process) is { } status && !status.Contains("State:\tZ", StringComparison.Ordinal);

    private static int UserOf(int process) => StatusOf(process)?.Split("Uid:\t")[1].Split('\t')[0] is { } user ? int.Parse(user, CultureInfo.InvariantCulture) : -1;

    private static string? StatusOf(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/status");
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Assign(string workflow, byte[] bundle, params string[] command)
    {
        var digest = TestBundle.DigestOf(bundle);
        runner.Work.Bundle(digest, bundle);
        runner.Work.Assign(new AgentAssignment
        {
            Tenant = "acme",
            Workflow = workflow,
            WorkflowVersion = "sha256:" + new string('b', 64),
            Bundle = digest,
            Command = { command },
        });
    }

    private async Task<RecordStepRequest> StepAsync(string key)
    {
        try
        {
            return await Eventually.ValueAsync(() => Task.FromResult(runner.Work.Steps.FirstOrDefault(step => step.StepKey == key)), TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException e)
        {
            var logs = Directory.Exists(Path.Combine(runner.Data, "logs")) ? string.Join('\n', Directory.GetFiles(Path.Combine(runner.Data, "logs")).Select(File.ReadAllText)) : "none";
            throw new TimeoutException($"{e.Message}\n{runner.Log}\nagent: {logs}");
        }
    }

    private async Task<int> PidAsync(string name)
    {
        var pids = await Eventually.ValueAsync(async () =>
            JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(runner.Data, "agents.json"), Stop)) is var file && file.RootElement.TryGetProperty(name, out _) ? file : null);
        return pids.RootElement.GetProperty(name).GetInt32();
    }
}
