using System.Text;
using System.Text.Json;
using EndToEnd.Tests.Fixture;
using Mesh.Bus.V1;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Buses;

/// <summary>Webhooks that arrive while no orchestrator answers, on a mesh with a broker: accepted once they are durable there, and one task each.</summary>
public sealed class QueuedWebhookTests(RabbitMesh mesh) : IClassFixture<RabbitMesh>
{
    private const string Canary = "the-customers-own-words";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_the_orchestrator_stands_still_deliveries_are_accepted_and_each_becomes_one_task_though_its_sender_repeats_it()
    {
        await mesh.AllReadyAsync();
        var deliveries = new List<(string Id, string Order)>();
        for (var n = 0; n < 4; n++)
        {
            deliveries.Add((NewId(), await mesh.OfferOrderAsync()));
        }

        // What reaches its socket is not lost either: it may be submitted when it goes on, after its sender was told that the broker has it.
        using (new Silenced(mesh.PidOf("orchestrator")))
        {
            Assert.All(await Task.WhenAll(deliveries.Concat(deliveries).Select(one => SendAsync(one.Id, one.Order))), answer => AssertQueued(answer));
            Assert.All(await Task.WhenAll(deliveries.Select(one => StartedAsync(one.Id))), started => Assert.Equal(0, started));
        }

        await AssertEachHasOneTaskAsync(deliveries);
    }

    [Fact]
    public async Task An_orchestrator_that_dies_with_deliveries_in_its_socket_costs_none_of_them()
    {
        await mesh.AllReadyAsync();
        var deliveries = new List<(string Id, string Order)> { (NewId(), await mesh.OfferOrderAsync()), (NewId(), await mesh.OfferOrderAsync()) };
        var orchestrator = mesh.PidOf("orchestrator");
        DevMesh.Signal(orchestrator, 19);

        Assert.All(await Task.WhenAll(deliveries.Select(one => SendAsync(one.Id, one.Order))), answer => AssertQueued(answer));
        await mesh.KillAndSeeReplacedAsync("orchestrator");

        await AssertEachHasOneTaskAsync(deliveries);
    }

    [Fact]
    public async Task Nothing_is_accepted_while_the_broker_stands_still_too()
    {
        await mesh.AllReadyAsync();
        var (id, order) = (NewId(), await mesh.OfferOrderAsync());

        using (new Silenced(mesh.PidOf("rabbitmq")))
        using (new Silenced(mesh.PidOf("orchestrator")))
        {
            var (status, retryAfter, text) = await SendAsync(id, order);

            Assert.True(status == 503 && retryAfter, text);
            Assert.Equal(0, await StartedAsync(id));
        }

        // As a sender would, until it is accepted.
        Assert.Equal(await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order, id), await TaskOfAsync(id, order));
        await AssertEachHasOneTaskAsync([(id, order)]);
    }

    [Fact]
    public async Task A_body_that_fits_the_door_but_no_message_is_not_accepted()
    {
        await mesh.AllReadyAsync();
        var body = new byte[1024 * 1024];
        Array.Fill(body, (byte)' ');

        using (new Silenced(mesh.PidOf("orchestrator")))
        {
            using var answer = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", NewId(), body);

            Assert.Equal(503, (int)answer.StatusCode);
            Assert.NotNull(answer.Headers.RetryAfter);
        }
    }

    [Fact]
    public async Task What_the_workflow_refuses_is_parked_with_its_reason_and_no_log_has_a_word_of_it()
    {
        await mesh.AllReadyAsync();
        var id = NewId();

        using (new Silenced(mesh.PidOf("orchestrator")))
        {
            using var answer = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, Encoding.UTF8.GetBytes($$"""{"{{Canary}}":"{{Canary}}"}"""));
            Assert.Equal(202, (int)answer.StatusCode);
        }

        DeadLetter? parked = null;
        await Eventually.Async(async () => (parked = await FindParkedAsync(id)) is not null, TimeSpan.FromSeconds(60));

        Assert.Equal(("acme", "mesh.orchestrator.v1.SubmitWebhookRequest"), (parked!.Tenant, parked.Type));
        Assert.StartsWith("INVALID_ARGUMENT", parked.Error, StringComparison.Ordinal);
        Assert.Equal(0, await StartedAsync(id));
        Assert.All(
            Directory.EnumerateFiles(Path.Combine(mesh.Node.Data, "logs"), "*", SearchOption.AllDirectories),
            log => Assert.DoesNotContain(Canary, ReadShared(log), StringComparison.Ordinal));

        await mesh.Api.DeadLetters.DiscardDeadLetterAsync(new DiscardDeadLetterRequest { Consumer = "webhooks", MessageId = parked.MessageId }, cancellationToken: Stop);
        Assert.Null(await FindParkedAsync(id));
    }

    private static string NewId() => $"msg_{Guid.NewGuid():N}";

    private static void AssertQueued((int Status, bool RetryAfter, string Text) answer)
    {
        Assert.True(answer.Status == 202, $"{answer.Status}: {answer.Text}");
        var json = JsonDocument.Parse(answer.Text).RootElement;
        Assert.True(json.GetProperty("queued").GetBoolean());
        Assert.False(json.TryGetProperty("task", out _));
    }

    private static string ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private async Task<(int Status, bool RetryAfter, string Text)> SendAsync(string id, string order)
    {
        using var answer = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, WebhookSender.BodyOf(order));
        return ((int)answer.StatusCode, answer.Headers.RetryAfter is not null, await answer.Content.ReadAsStringAsync(Stop));
    }

    private async Task AssertEachHasOneTaskAsync(IReadOnlyList<(string Id, string Order)> deliveries)
    {
        foreach (var (id, order) in deliveries)
        {
            await Eventually.Async(async () => await StartedAsync(id) > 0, TimeSpan.FromSeconds(90));
            await mesh.AssertDoneOnceAsync(await TaskOfAsync(id, order), order);
            Assert.Equal(1, await StartedAsync(id));
        }
    }

    // The sender asks once more: a repeat is told the task.
    private async Task<string> TaskOfAsync(string id, string order)
    {
        await mesh.AllReadyAsync();
        var (status, _, text) = await SendAsync(id, order);
        Assert.True(status == 200, $"{status}: {text}");
        return JsonDocument.Parse(text).RootElement.GetProperty("task").GetString()!;
    }

    // Read past the services: also while they are stopped. One row for each task that was submitted under the delivery's id.
    private async Task<long> StartedAsync(string id)
    {
        await using var store = NpgsqlDataSource.Create(mesh.Node.StoreConnection());
        await using var command = store.CreateCommand(
            "select count(*) from orchestrator.journal where seq = 1 and kind = 'TaskSubmitted' and position(convert_to($1, 'UTF8') in body) > 0");
        command.Parameters.Add(new() { Value = id });
        return (long)(await command.ExecuteScalarAsync(Stop))!;
    }

    private async Task<DeadLetter?> FindParkedAsync(string id) =>
        (await MeshApi.InsistAsync(deadline => mesh.Api.DeadLetters.ListDeadLettersAsync(new ListDeadLettersRequest(), deadline: deadline)))
            .DeadLetters.SingleOrDefault(letter => letter.Consumer == "webhooks" && letter.Key.Contains(id, StringComparison.Ordinal));
}
