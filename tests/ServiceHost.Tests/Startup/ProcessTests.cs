using System.Diagnostics;
using Mesh.TestKit;

namespace Mesh.ServiceHost.Tests.Startup;

public sealed class ProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Help_is_printed_on_standard_output_and_exits_0()
    {
        using var service = Start("--help");

        var text = await service.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(service);
        Assert.Equal(0, service.ExitCode);
        Assert.StartsWith("mesh policy:", text, StringComparison.Ordinal);
        Assert.Contains("MESH_LISTEN", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_options_are_told_on_standard_error_without_a_stack_trace()
    {
        using var service = Start("--health", "127.0.0.1:0");

        var text = await service.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(service);
        Assert.Equal(2, service.ExitCode);
        Assert.StartsWith("policy cannot start:\n  MESH_LISTEN (--listen) is required", text, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_keys_of_another_service_are_refused_at_start()
    {
        using var keys = TestKeys.Create();
        using var service = Start("--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--keys", keys.Of("vault"), "--domain", TestKeys.Domain);

        var text = await service.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(service);
        Assert.Equal(2, service.ExitCode);
        Assert.Contains("is not that of spiffe://test.mesh/svc/policy", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_may_lie_apart_from_the_other_keys()
    {
        using var keys = TestKeys.Create();
        using var service = Start(
            "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--keys", "/does/not/exist", "--tls", keys.Of("policy"), "--domain", TestKeys.Domain, "--stop-on-stdin-eof", "true");

        Assert.Contains("listens on", await service.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        service.StandardInput.Close();
        await ExitAsync(service);
    }

    [Fact]
    public async Task A_folder_of_certificates_that_has_none_is_named_with_its_option()
    {
        using var keys = TestKeys.Create();
        using var service = Start(
            "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--keys", keys.Of("policy"), "--tls", "/does/not/exist", "--domain", TestKeys.Domain);

        var text = await service.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(service);
        Assert.Equal(2, service.ExitCode);
        Assert.Contains("MESH_TLS (--tls): /does/not/exist has no readable tls.crt", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 0, "\"status\":\"ready\"")]
    [InlineData("the store is gone", 1, "the store is gone")]
    public async Task A_probe_shows_whether_the_service_beside_it_is_ready(string? trouble, int exitCode, string shown)
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"), configure: builder => builder.AddReadiness("store", (_, _) => ValueTask.FromResult(trouble)));
        using var probe = Start("probe", "--listen", "127.0.0.1:0", "--health", policy.Health.Authority, "--keys", "/does/not/exist", "--domain", TestKeys.Domain);

        var text = await probe.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(probe);
        Assert.Equal(exitCode, probe.ExitCode);
        Assert.Contains(shown, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_probe_of_nobody_fails_and_says_where_it_asked()
    {
        using var probe = Start("probe", "--listen", "127.0.0.1:0", "--health", "127.0.0.1:1", "--keys", "/does/not/exist", "--domain", TestKeys.Domain);

        var text = await probe.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        await ExitAsync(probe);
        Assert.Equal(1, probe.ExitCode);
        Assert.StartsWith("127.0.0.1:1 does not answer", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_standard_input_stops_a_service_that_was_told_so()
    {
        using var keys = TestKeys.Create();
        using var service = Start("--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--keys", keys.Of("policy"), "--domain", TestKeys.Domain, "--stop-on-stdin-eof", "true");
        Assert.Contains("listens on", await service.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        service.StandardInput.Close();

        await ExitAsync(service);
        Assert.Equal(0, service.ExitCode);
    }

    [Fact]
    public async Task Sigterm_stops_a_service()
    {
        using var keys = TestKeys.Create();
        using var service = Start("--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--keys", keys.Of("policy"), "--domain", TestKeys.Domain);
        Assert.Contains("listens on", await service.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        using var kill = Process.Start("kill", ["-TERM", service.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);

        await ExitAsync(service);
        Assert.Equal(0, service.ExitCode);
    }

    private static Process Start(params string[] arguments)
    {
        // The apphost beside this assembly, which is the program of these tests.
        var start = new ProcessStartInfo(Path.ChangeExtension(typeof(ProcessTests).Assembly.Location, null), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MESH_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["MESH_TEST_SERVICE"] = "1";
        return Process.Start(start)!;
    }

    private static async Task ExitAsync(Process service)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);

        try
        {
            await service.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            service.Kill();
            throw;
        }
    }
}
