using System.Net;
using System.Text.Json;
using Mesh.TestKit;

namespace Mesh.ServiceHost.Tests.Health;

public sealed class HealthTests
{
    [Fact]
    public async Task Livez_says_that_the_process_answers_also_when_it_cannot_work()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"), configure: builder => builder.AddReadiness("store", (_, _) => ValueTask.FromResult<string?>("gone")));
        using var http = new HttpClient { BaseAddress = policy.Health };

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(http, "/livez")).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(http, "/healthz")).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync(http, "/readyz")).Status);
    }

    [Fact]
    public async Task Readyz_shows_each_check_and_what_is_wrong()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"), configure: builder => builder
            .AddReadiness("store", (_, _) => throw new InvalidOperationException("Password=secret"))
            .AddReadiness("bus", (_, _) => ValueTask.FromResult<string?>(null)));
        using var http = new HttpClient { BaseAddress = policy.Health };

        var (_, body) = await GetAsync(http, "/readyz");

        using var report = JsonDocument.Parse(body);
        var checks = report.RootElement.GetProperty("checks");
        Assert.Equal("not ready", report.RootElement.GetProperty("status").GetString());
        Assert.Equal("InvalidOperationException", checks.GetProperty("store").GetProperty("error").GetString());
        Assert.True(checks.GetProperty("bus").GetProperty("ok").GetBoolean());
        Assert.True(checks.GetProperty("clock").GetProperty("ok").GetBoolean());
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_health_listener_has_no_other_door()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var http = new HttpClient { BaseAddress = policy.Health };

        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(http, "/v1/whoami")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(http, "/mesh.policy.v1.IdentityService/Authenticate")).Status);
    }

    [Fact]
    public async Task What_is_in_flight_is_finished_before_a_service_stops()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var client = new TestClient(policy.Address, keys.Of("vault"));
        await client.AskAsync("warm");
        var call = client.AskAsync("linger");
        await TestService.Lingering.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        await policy.StopAsync();

        Assert.Equal("linger", await call);
    }

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(HttpClient http, string path)
    {
        var response = await http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
