using System.Globalization;
using EndToEnd.Tests.Fixture;
using Mesh.Cli.Dev;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Replicas;

/// <summary>Two of each service are one mesh: no task is bound to one of them.</summary>
public sealed class ReplicaTests(ScaledMesh mesh) : IClassFixture<ScaledMesh>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_task_is_taken_at_once_wherever_it_arrives_and_wherever_the_agent_waits()
    {
        await mesh.AllReadyAsync();
        await CompleteAsync(1);

        var ids = await CompleteAsync(24);
        var waits = new List<TimeSpan>();

        foreach (var id in ids)
        {
            var events = await mesh.EventsAsync(id);
            waits.Add(TimeOf(events, "TaskClaimed") - TimeOf(events, "TaskSubmitted"));
        }

        // Without the hint, every second one would wait for the loop, a second on average.
        Assert.True(waits.Count(wait => wait > TimeSpan.FromMilliseconds(500)) <= 3, string.Join(", ", waits.Order().Select(wait => $"{wait.TotalMilliseconds:0} ms")));
    }

    [Fact]
    public async Task Both_replicas_of_a_service_do_its_work_and_the_log_of_two_writers_is_dense()
    {
        await mesh.AllReadyAsync();
        await CompleteAsync(12);

        Assert.All(await Task.WhenAll(Replicas("audit").Select(port => CounterAsync(port, "mesh_audit_leaves_total"))), leaves => Assert.True(leaves > 0));
        Assert.All(await Task.WhenAll(Replicas("policy").Select(port => CounterAsync(port, "mesh_policy_decisions_total"))), decisions => Assert.True(decisions > 0));
        await mesh.AssertVerifiesAsync();
    }

    [Fact]
    public async Task Two_tool_runners_share_the_agents_and_those_of_one_that_is_killed_are_started_again()
    {
        await mesh.AllReadyAsync();
        await Task.WhenAll(StartAndRestAsync(RefundMesh.Acme), StartAndRestAsync("globex"));
        var agents = (Acme: await mesh.AgentPidAsync(), Globex: await mesh.AgentPidAsync("globex"));
        var runners = (Acme: ParentOf(agents.Acme), Globex: ParentOf(agents.Globex));

        Assert.NotEqual(runners.Acme, runners.Globex);
        Assert.Equivalent(mesh.Node.ReadRun().Pids.Where(pid => pid.Key.StartsWith("toolrunner", StringComparison.Ordinal)).Select(pid => pid.Value), new[] { runners.Acme, runners.Globex });

        DevMesh.Signal(runners.Acme, 9);
        await StartAndRestAsync(RefundMesh.Acme);
        await mesh.AllReadyAsync();
    }

    [Fact]
    public async Task Replicas_that_have_nothing_to_do_ask_the_database_about_once_a_second_each()
    {
        await mesh.AllReadyAsync();
        await CompleteAsync(1);
        await using var admin = NpgsqlDataSource.Create(mesh.Node.StoreConnection());
        var (transactions, at) = await TransactionsAsync(admin);
        var perSecond = 0d;

        // Ten services have a store. What is still under way after the last task may take a moment to come to rest.
        await Eventually.Async(
            async () =>
            {
                await Task.Delay(TimeSpan.FromSeconds(5), Stop);
                var (now, moment) = await TransactionsAsync(admin);
                perSecond = (now - transactions) / (moment - at).TotalSeconds;
                (transactions, at) = (now, moment);

                return perSecond < 12;
            },
            TimeSpan.FromSeconds(60));
    }

    private async Task<IReadOnlyList<string>> CompleteAsync(int count)
    {
        var ids = new List<string>();

        for (var i = 0; i < count; i++)
        {
            ids.Add(await StartAndRestAsync(RefundMesh.Acme));
        }

        return ids;
    }

    private async Task<string> StartAndRestAsync(string tenant)
    {
        var order = await mesh.OfferOrderAsync();
        var id = await mesh.StartTaskAsync(order, tenant);
        var task = await mesh.RestAsync(id, tenant);
        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id, tenant));
        var log = await mesh.LogOfAsync(order);
        Assert.Single(log.Refunds);
        Assert.Single(log.Mails);

        return id;
    }

    private int[] Replicas(string service)
    {
        var first = new Uri(mesh.Node.ReadRun().Http).Port;

        return [PortBlock.HealthOf(first, Replica.Named(service)!), PortBlock.HealthOf(first, Replica.Named(ScaledMesh.SecondOf(service))!)];
    }

    private static async Task<double> CounterAsync(int health, string name)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri($"http://127.0.0.1:{health}/metrics"), Stop);

        return text.Split('\n').Where(line => line.StartsWith(name, StringComparison.Ordinal)).Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    private static DateTimeOffset TimeOf(IReadOnlyList<TaskEvent> events, string kind) => events.First(entry => entry.Kind == kind).Time.ToDateTimeOffset();

    // The tool runner forks what becomes the agent.
    private static int ParentOf(int pid) => int.Parse(
        File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static async Task<(long Count, DateTime At)> TransactionsAsync(NpgsqlDataSource admin)
    {
        await using var command = admin.CreateCommand("select xact_commit, clock_timestamp() from pg_stat_database where datname = current_database()");
        await using var row = await command.ExecuteReaderAsync(Stop);
        await row.ReadAsync(Stop);

        return (row.GetInt64(0), row.GetDateTime(1));
    }
}
