using System.Text.RegularExpressions;
using Mesh.Bus;
using Mesh.Bus.Embedded;
using Mesh.Bus.Stored;
using Mesh.Postgres;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>The statements of a queue are planned while its table is empty, and those plans must be right when much waits.</summary>
public sealed partial class EmptyQueuePlanTests(EmbeddedBusFixture fixture) : IClassFixture<EmbeddedBusFixture>
{
    private const int Waiting = 2_000;
    private const int Page = 256;

    [Fact]
    public async Task A_consumer_that_was_planned_for_an_empty_queue_takes_and_settles_its_page_of_a_long_one_by_index()
    {
        await using var bus = (EmbeddedBus)fixture.Open(RetryPauses.Default);
        await bus.SubscribeAsync("long", ["long"], CancellationToken.None);
        var queue = new ConsumerQueue("bus.message", "long");
        await using var connection = await EmptyAsync(fixture.SuperuserConnection, "bus.message");
        Assert.Empty((await queue.NextAsync(connection, SettledInAllWays([.. Enumerable.Range(0, 3).Select(_ => Guid.NewGuid())]), expire: true, CancellationToken.None)).Messages);

        await bus.SendAsync(Messages("long"), CancellationToken.None);
        var plans = Listen(connection);
        var claim = await queue.NextAsync(connection, [], expire: true, CancellationToken.None);
        var claiming = plans.ToList();
        await queue.NextAsync(connection, SettledInAllWays([.. claim.Messages.Select(one => one.Message.Id)]), expire: true, CancellationToken.None);

        Assert.Equal(Page, claim.Messages.Count);
        Assert.Equal("Tid Scan, message_by_key, message_claimed, message_parked, message_resting, message_waiting", Found(claiming, "CTE taken"));
        Assert.DoesNotContain("Removed by Join Filter", claiming.Single(plan => plan.Contains("CTE taken", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal("message_claimed", Found(claiming, "It was delivered"));
        Assert.Equal("message_by_id", Found(plans, "delete from"));
        Assert.Equal("message_by_id", Found(plans, "b.pause"));
        Assert.Equal("message_by_id", Found(plans, "set state = 2, not"));
    }

    [Fact]
    public async Task A_relay_that_was_planned_for_an_empty_outbox_takes_and_settles_its_page_of_a_long_one_by_index()
    {
        await using var connection = await EmptyAsync(fixture.SuperuserConnection, $"{NoteDbContext.Service}.outbox");
        Assert.Empty((await OutboxQueue.NextAsync(connection, [Guid.NewGuid()], [Guid.NewGuid()], expire: true, CancellationToken.None)).Messages);

        await using (var insert = connection.CreateBatch())
        {
            insert.BatchCommands.Add(Outbox.Insert(Messages("long")));
            await insert.ExecuteNonQueryAsync();
        }

        var plans = Listen(connection);
        var claim = await OutboxQueue.NextAsync(connection, [], [], expire: true, CancellationToken.None);
        var claiming = plans.ToList();
        Guid[] claimed = [.. claim.Messages.Select(message => message.Id)];
        await OutboxQueue.NextAsync(connection, claimed[..200], claimed[200..], expire: true, CancellationToken.None);

        Assert.Equal(Page, claimed.Length);
        Assert.Contains(Found(claiming, "CTE taken"), (string[])["Tid Scan, outbox_by_key, outbox_waiting", "Tid Scan, outbox_by_key, outbox_pkey"]);
        Assert.Equal("outbox_claimed", Found(claiming, "claimed_until < "));
        Assert.Equal("outbox_pkey", Found(plans, "delete from"));
        Assert.Equal("outbox_pkey", Found(plans, "power("));
    }

    /// <summary>How a statement of this kind found its rows: the indices that its plan used, and a place where it used one.</summary>
    private static string Found(IEnumerable<string> plans, string statement) => string.Join(
        ", ", AccessPaths().Matches(plans.Single(plan => plan.Contains(statement, StringComparison.Ordinal))).Select(path => path.Groups[1].Value).Distinct().Order(StringComparer.Ordinal));

    [GeneratedRegex(@"(Seq Scan|Bitmap|Tid Scan|(?<=Scan using )\w+)")]
    private static partial Regex AccessPaths();

    private static Settlement[] SettledInAllWays(Guid[] ids) =>
    [
        .. ids[..(ids.Length / 3)].Select(id => new Settlement.Done(id)),
        .. ids[(ids.Length / 3)..(ids.Length * 2 / 3)].Select(id => new Settlement.Back(id, TimeSpan.Zero, Counts: true, null)),
        .. ids[(ids.Length * 2 / 3)..].Select(id => new Settlement.Parked(id, "because")),
    ];

    private static Envelope[] Messages(string type) => [.. Enumerable.Range(0, Waiting).Select(n => new Envelope(Guid.CreateVersion7(), "acme", $"k-{n}", 1, type, null, []))];

    /// <summary>A connection that says how it executes, to a table that was vacuumed while nothing was in it.</summary>
    private static async Task<NpgsqlConnection> EmptyAsync(string superuser, string table)
    {
        var connection = new NpgsqlConnection(superuser);
        await connection.OpenAsync();
        foreach (var sql in (string[])[$"set search_path to {table.Split('.')[0]}", $"vacuum (full) {table}", "load 'auto_explain'", "set auto_explain.log_min_duration = 0", "set auto_explain.log_analyze = on", "set client_min_messages = log"])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        return connection;
    }

    private static List<string> Listen(NpgsqlConnection connection)
    {
        var plans = new List<string>();
        connection.Notice += (_, said) => plans.Add(said.Notice.MessageText);

        return plans;
    }
}
