using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using EndToEnd.Tests.Fixture;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Cli.Dev;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Replicas;

/// <summary>G1 and the reason to have replicas: one after the other is replaced, and nobody notices.</summary>
public abstract class RollingRestartTests(ScaledMesh mesh)
{
    private const int Callers = 4;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_every_process_is_replaced_in_turn_no_call_is_refused_and_no_task_is_lost_or_doubled()
    {
        await mesh.AllReadyAsync();

        var refusals = await ReplaceAllUnderLoadAsync(signal: 15);

        Assert.True(refusals.Count == 0, $"{string.Join('\n', refusals.Select(refused => refused.Status))}\n{mesh.Node.Output}");
    }

    [Fact]
    public async Task While_every_process_is_killed_in_turn_whoever_repeats_a_refused_call_has_every_task_done_once()
    {
        await mesh.AllReadyAsync();

        var refusals = await ReplaceAllUnderLoadAsync(signal: 9);

        Assert.All(refusals, refused => Assert.Contains(refused.StatusCode, (StatusCode[])[StatusCode.Unavailable, StatusCode.DeadlineExceeded, StatusCode.Aborted]));
    }

    // Callers start a task, wait until it is done, and start the next one, until every process was replaced.
    private async Task<IReadOnlyCollection<RpcException>> ReplaceAllUnderLoadAsync(int signal)
    {
        var orders = new ConcurrentDictionary<string, string>();
        var refusals = new ConcurrentBag<RpcException>();
        var failures = new ConcurrentBag<string>();
        using var enough = new CancellationTokenSource();
        var run = mesh.Node.ReadRun();
        using var first = new MeshApi(run.Grpc, run.Token);
        using var second = new MeshApi($"http://127.0.0.1:{new Uri(run.Grpc).Port + 2}", run.Token);
        using var firstHook = mesh.Webhooks.At(new Uri(run.Http));
        using var secondHook = mesh.Webhooks.At(new UriBuilder(run.Http) { Port = new Uri(run.Http).Port + 2 }.Uri);
        var callers = Enumerable.Range(0, Callers).Select(caller => CallAsync(caller % 2 == 0 ? StartAsync : DeliverAsync)).ToArray();

        try
        {
            foreach (var service in ScaledMesh.Services)
            {
                await ReplaceAsync(service, signal);
                await ReplaceAsync(ScaledMesh.SecondOf(service), signal);
            }
        }
        finally
        {
            await enough.CancelAsync();
            await Task.WhenAll(callers);
        }

        var log = await mesh.WholeLogAsync();
        var refunds = log.Refunds.CountBy(refund => refund.GetProperty("request").GetProperty("order").GetString()!).ToDictionary();
        var mails = log.Mails.CountBy(mail => mail.GetProperty("request").GetProperty("subject").GetString()!.Split(' ')[^1]).ToDictionary();

        TestContext.Current.TestOutputHelper?.WriteLine($"{orders.Count} tasks, {refusals.Count} refusals");
        Assert.Empty(failures);
        Assert.NotEmpty(orders);
        Assert.All(orders.Keys, order => Assert.Equal((1, 1), (refunds.GetValueOrDefault(order), mails.GetValueOrDefault(order))));

        // Each of these looks through all that the shop has.
        foreach (var (order, id) in orders.Take(5))
        {
            await mesh.AssertDoneOnceAsync(id, order);
        }

        await mesh.AssertVerifiesAsync();

        return refusals;

        async Task CallAsync(Func<string, Task<string>> start)
        {
            while (!enough.IsCancellationRequested)
            {
                var order = await mesh.OfferOrderAsync();

                try
                {
                    var id = await start(order);
                    orders[order] = id;

                    var wait = new WaitTaskRequest { Tenant = RefundMesh.Acme, TaskId = id, UntilPerson = true, Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(20)) };
                    WaitTaskResponse answer;

                    do
                    {
                        // Answered early when its replica stops.
                        answer = await AtEitherDoorAsync(api => api.Tasks.WaitTaskAsync(wait, deadline: DateTime.UtcNow.AddSeconds(60)));
                    }
                    while (!answer.Done);

                    if (answer.Task.State != TaskState.Completed)
                    {
                        failures.Add($"{id} {answer.Task.State} {answer.Task.Message}");
                    }
                }
                catch (RpcException refused)
                {
                    failures.Add($"{DateTime.UtcNow:HH:mm:ss.fff} {refused.Status}");
                }
            }
        }

        async Task<string> StartAsync(string order)
        {
            var request = RefundMesh.RefundOf(order, RefundMesh.Acme);
            return (await AtEitherDoorAsync(api => api.Tasks.StartTaskAsync(request, deadline: DateTime.UtcNow.AddSeconds(60)))).Task.Id;
        }

        async Task<string> DeliverAsync(string order)
        {
            var (id, until) = ($"msg_{Guid.NewGuid():N}", DateTime.UtcNow.AddSeconds(60));

            for (var turn = Random.Shared.Next(2); ; turn++)
            {
                try
                {
                    using var answer = await (turn % 2 == 0 ? firstHook : secondHook).SendAsync(RefundMesh.Acme, "shop", id, WebhookSender.BodyOf(order));
                    var text = await answer.Content.ReadAsStringAsync(Stop);

                    if (answer.IsSuccessStatusCode && JsonDocument.Parse(text).RootElement.TryGetProperty("task", out var task))
                    {
                        return task.GetString()!;
                    }

                    if (DateTime.UtcNow > until)
                    {
                        throw new TimeoutException($"The delivery {id} has no task: {text}");
                    }

                    // Accepted by a broker alone is accepted, and has no task yet.
                    if (!answer.IsSuccessStatusCode)
                    {
                        refusals.Add(new RpcException(new Status(
                            answer.StatusCode == HttpStatusCode.ServiceUnavailable ? StatusCode.Unavailable : StatusCode.Unknown, $"{(int)answer.StatusCode} {text}")));
                    }
                }
                catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException && DateTime.UtcNow < until)
                {
                }

                await Task.Delay(50, Stop);
            }
        }

        // What stands before a real mesh's doors does the same: a door that takes no connection, or says that it closes, is passed by. What a
        // mesh itself refuses is counted, and asked again a while later.
        async Task<T> AtEitherDoorAsync<T>(Func<MeshApi, AsyncUnaryCall<T>> call)
        {
            var until = DateTime.UtcNow.AddSeconds(60);

            for (var turn = Random.Shared.Next(2); ; turn++)
            {
                try
                {
                    using var asked = call(turn % 2 == 0 ? first : second);
                    return await asked;
                }
                catch (RpcException silence) when (DateTime.UtcNow < until && (silence.Status.DebugException is not null || silence.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Aborted))
                {
                    if (silence.Status.DebugException is null)
                    {
                        refusals.Add(silence);
                    }

                    await Task.Delay(50, Stop);
                }
            }
        }
    }

    private async Task ReplaceAsync(string replica, int signal)
    {
        var pid = mesh.PidOf(replica);
        DevMesh.Signal(pid, signal);
        await Eventually.Async(() => mesh.PidOf(replica) != pid, TimeSpan.FromSeconds(60));
        var health = PortBlock.HealthOf(new Uri(mesh.Node.ReadRun().Http).Port, Replica.Named(replica)!);
        using var http = new HttpClient();
        await Eventually.Async(
            async () =>
            {
                try
                {
                    using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{health}/readyz"), Stop);
                    return answer.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            TimeSpan.FromSeconds(60));
    }
}

/// <summary>On PostgreSQL alone.</summary>
public sealed class PostgresRollingRestartTests(ScaledMesh mesh) : RollingRestartTests(mesh), IClassFixture<ScaledMesh>;

/// <summary>On RabbitMQ.</summary>
[Trait("Category", "Nightly")]
public sealed class RabbitRollingRestartTests(ScaledRabbitMesh mesh) : RollingRestartTests(mesh), IClassFixture<ScaledRabbitMesh>;
