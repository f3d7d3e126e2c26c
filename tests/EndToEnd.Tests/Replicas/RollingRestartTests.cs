using System.Collections.Concurrent;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Cli.Dev;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Replicas;

/// <summary>G1 and the reason to have replicas: one after the other is replaced, and nobody notices.</summary>
public sealed class RollingRestartTests(ScaledMesh mesh) : IClassFixture<ScaledMesh>
{
    private const int Callers = 8;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_every_process_is_replaced_in_turn_no_call_is_refused_and_no_task_is_lost_or_doubled()
    {
        await mesh.AllReadyAsync();
        await RunUnderLoadAsync(async () =>
        {
            foreach (var service in ScaledMesh.Services)
            {
                await ReplaceAsync(service, 15);
                await ReplaceAsync(ScaledMesh.SecondOf(service), 15);
            }
        });
    }

    private async Task RunUnderLoadAsync(Func<Task> act)
    {
        var orders = new ConcurrentDictionary<string, string>();
        var refusals = new ConcurrentBag<string>();
        using var enough = new CancellationTokenSource();
        var run = mesh.Node.ReadRun();
        using var first = new MeshApi(run.Grpc, run.Token);
        using var second = new MeshApi($"http://127.0.0.1:{new Uri(run.Grpc).Port + 2}", run.Token);
        var callers = Enumerable.Range(0, Callers).Select(_ => CallAsync()).ToArray();

        try
        {
            await act();
        }
        finally
        {
            await enough.CancelAsync();
            await Task.WhenAll(callers);
        }

        Assert.Empty(refusals);
        Assert.NotEmpty(orders);

        foreach (var (order, id) in orders)
        {
            await mesh.AssertDoneOnceAsync(id, order);
        }

        await mesh.AssertVerifiesAsync();

        async Task CallAsync()
        {
            while (!enough.IsCancellationRequested)
            {
                var order = await mesh.OfferOrderAsync();

                try
                {
                    var id = (await AtEitherDoorAsync(api => api.Tasks.StartTaskAsync(RefundMesh.RefundOf(order, RefundMesh.Acme), deadline: DateTime.UtcNow.AddSeconds(60)))).Task.Id;
                    orders[order] = id;

                    while (!(await AtEitherDoorAsync(api => api.Tasks.WaitTaskAsync(
                        new WaitTaskRequest { Tenant = RefundMesh.Acme, TaskId = id, Timeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(20)) },
                        deadline: DateTime.UtcNow.AddSeconds(60)))).Done)
                    {
                        // It says so when its replica stops.
                    }
                }
                catch (RpcException refused)
                {
                    refusals.Add($"{DateTime.UtcNow:HH:mm:ss.fff} {refused.Status}");
                }
            }
        }

        // What stands before a real mesh's doors does the same: a door that takes no connection, or says that it closes, is passed by.
        async Task<T> AtEitherDoorAsync<T>(Func<MeshApi, AsyncUnaryCall<T>> call)
        {
            var doors = Random.Shared.Next(2) == 0 ? (first, second) : (second, first);

            try
            {
                return await AskAsync(doors.Item1);
            }
            catch (RpcException closed) when (closed.Status.DebugException is not null)
            {
                return await AskAsync(doors.Item2);
            }

            async Task<T> AskAsync(MeshApi api)
            {
                using var asked = call(api);
                return await asked;
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
