using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Crashes;

/// <summary>G1 and G3: the disk under the database, the logs and the anchor is full. What is not durable does not happen, and once there is room all goes on.</summary>
public sealed class FullDiskTests(FullDiskMesh mesh) : IClassFixture<FullDiskMesh>
{
    private const string NoMount = "Only root may mount the small disk of this test.";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_a_full_disk_new_tasks_are_refused_as_such_and_what_was_under_way_goes_on_once_there_is_room()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, NoMount);
        await ReadyWithRoomAsync();
        var order = await mesh.OfferOrderAsync();
        List<(string Order, string Task)> accepted = [];

        var id = await mesh.ActAtAsync(StepMoment.MailCalled, order, () =>
        {
            mesh.Fill();
            return Task.CompletedTask;
        });
        await RefusedAsync(accepted);

        // The mail is out, and what became of it has no room either.
        await Eventually.Async(async () => (await mesh.LogOfAsync(order)).Answered("POST", "/v1/mails") > 0);
        mesh.MakeRoom();

        await AssertDoneOnceAsync([(order, id), .. accepted]);
    }

    [Fact]
    public async Task PostgreSQL_that_cannot_write_its_log_and_ends_is_started_until_there_is_room()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, NoMount);
        await ReadyWithRoomAsync();
        var postmaster = mesh.PidOf("postgres");
        List<(string Order, string Task)> accepted = [];

        // The next segment of the log is not there yet, and cannot be made.
        mesh.Fill();
        await SwitchSegmentAsync();
        await RefusedAsync(accepted, until: () => mesh.Node.Output.Contains("PostgreSQL ended", StringComparison.Ordinal));
        await ReadyWithRoomAsync();

        var order = await mesh.OfferOrderAsync();
        await AssertDoneOnceAsync([.. accepted, (order, await mesh.StartTaskAsync(order))]);
        Assert.NotEqual(postmaster, mesh.PidOf("postgres"));
    }

    private async Task ReadyWithRoomAsync()
    {
        mesh.MakeRoom();
        await mesh.AllReadyAsync();
    }

    // Small writes find room in half-filled pages for a while: tasks are started until one is refused because of the store.
    // A service whose own store is away for long may not answer in time either: its caller is told that one, and to try again.
    private async Task RefusedAsync(List<(string Order, string Task)> accepted, Func<bool>? until = null)
    {
        var isToldOfStore = false;

        for (var deadline = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < deadline;)
        {
            var order = await mesh.OfferOrderAsync();

            try
            {
                accepted.Add((order, await mesh.TryStartTaskAsync(order)));
            }
            catch (RpcException refused)
            {
                var failure = RpcFailure.Read(refused);
                Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
                Assert.True(failure.Reason is Reason.StoreUnavailable or Reason.ServiceUnavailable, $"{failure.Reason}: {refused.Status.Detail}");
                isToldOfStore |= failure.Reason == Reason.StoreUnavailable;

                if (isToldOfStore && (until?.Invoke() ?? true))
                {
                    return;
                }
            }
        }

        throw new TimeoutException($"The disk is full, and {accepted.Count} tasks were accepted: {mesh.Node.Output}");
    }

    private async Task AssertDoneOnceAsync(IReadOnlyList<(string Order, string Task)> tasks)
    {
        foreach (var (order, id) in tasks)
        {
            await mesh.AssertDoneOnceAsync(id, order);
        }

        await mesh.AssertVerifiesAsync();
    }

    private async Task SwitchSegmentAsync()
    {
        await using var store = NpgsqlDataSource.Create(mesh.Node.StoreConnection());
        await using var command = store.CreateCommand("select pg_switch_wal()");
        await command.ExecuteNonQueryAsync(Stop);
    }
}
