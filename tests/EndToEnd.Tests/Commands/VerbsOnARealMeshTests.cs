using System.Text.Json;
using EndToEnd.Tests.Buses;
using EndToEnd.Tests.Fixture;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Commands;

/// <summary>Every verb that others build on, asked of a real mesh by a script: one JSON document, and an exit code that means something.</summary>
[Collection(nameof(Together))]
public sealed class VerbsOnARealMeshTests : IDisposable
{
    private readonly AttackedMesh mesh;
    private readonly Desk desk;
    private readonly Cli cli;

    public VerbsOnARealMeshTests(AttackedMesh mesh)
    {
        this.mesh = mesh;
        desk = new Desk(mesh.Shop.Address.Port);
        cli = new Cli(desk, mesh.Node.Data);
    }

    [Fact]
    public async Task What_a_mesh_is_told_comes_back_as_json()
    {
        var applied = await cli.JsonAsync($"apply -f {Desk.Manifests}");
        var secret = await cli.JsonAsync("secret put acme payments/payments-key", input: RefundShop.PaymentsToken);
        var token = await cli.JsonAsync("token create carol --role acme:approver");
        var group = await cli.JsonAsync("group add acme finance carol");
        var status = await cli.JsonAsync("status");
        var migrated = await cli.JsonAsync("db migrate");

        Assert.Contains(applied.GetProperty("applied").EnumerateArray(), one => one.GetProperty("name").GetString() == "refund-request");
        Assert.Contains((await cli.JsonAsync("list policyset --tenant acme")).EnumerateArray(), one => one.GetProperty("name").GetString() == "acme-finance");
        Assert.Equal("PolicySet", (await cli.JsonAsync("get policyset acme-finance --tenant acme")).GetProperty("kind").GetString());
        Assert.Equal("payments/payments-key", secret.GetProperty("name").GetString());
        Assert.StartsWith("mesh_", token.GetProperty("token").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Object, group.ValueKind);
        Assert.True(status.GetProperty("ready").GetBoolean());
        Assert.All(migrated.EnumerateArray(), store => Assert.Equal(0, store.GetProperty("migrations").GetInt32()));
        Assert.NotEmpty(migrated.EnumerateArray());
    }

    [Fact]
    public async Task A_task_is_started_shown_waited_for_and_proven_as_json()
    {
        var id = await StartAsync(1_200);

        var ended = await cli.JsonAsync($"task wait {id} --tenant acme");

        Assert.Equal("TASK_STATE_COMPLETED", ended.GetProperty("state").GetString());
        Assert.Contains((await cli.JsonAsync("task list --tenant acme --limit 200")).EnumerateArray(), task => task.GetProperty("id").GetString() == id);
        Assert.Equal(id, (await cli.JsonAsync($"task get {id[^8..]} --tenant acme")).GetProperty("id").GetString());
        Assert.Contains((await cli.JsonAsync($"task events {id} --tenant acme")).EnumerateArray(), entry => entry.GetProperty("kind").GetString() == "CallSettled");
        Assert.Contains((await cli.JsonAsync($"task timeline {id} --tenant acme")).GetProperty("rows").EnumerateArray(), row => row.GetProperty("name").GetString() == "tool.call");
        Assert.NotEmpty((await cli.JsonAsync($"audit prove --task {id} --out {desk.In("proofs")} --tenant acme")).EnumerateArray());
        Assert.True((await VerifyAsync()).GetProperty("verified").GetBoolean());
    }

    [Fact]
    public Task A_message_that_audit_cannot_read_is_listed_shown_tried_again_and_discarded() => DeadLetterStory.PlayAsync(mesh, cli, async id =>
    {
        await using var store = NpgsqlDataSource.Create(mesh.Node.StoreConnection());
        await using var command = store.CreateCommand("""
            insert into bus.message (consumer, id, tenant_id, key, key_seq, type, body) values ('audit', $1, 'acme', $2, 1, $3, $4)
            """);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = $"garbage-{id}" });
        command.Parameters.Add(new() { Value = DeadLetterStory.Type });
        command.Parameters.Add(new() { Value = DeadLetterStory.Garbage });
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    });

    [Fact]
    public async Task An_approval_is_listed_and_decided_once_and_the_task_ends_as_it_was_decided()
    {
        var (approved, denied, cancelled) = (await StartAsync(6_100), await StartAsync(6_200), await StartAsync(6_300));
        var approvals = new List<string>();

        foreach (var id in (string[])[approved, denied, cancelled])
        {
            Assert.Equal("TASK_STATE_WAITING_APPROVAL", (await cli.JsonAsync($"task wait {id} --until-approval --tenant acme", 7)).GetProperty("state").GetString());
            approvals.Add((await cli.JsonAsync("approval list --tenant acme")).EnumerateArray().Single(one => one.GetProperty("taskId").GetString() == id).GetProperty("id").GetString()!);
        }

        await cli.RefusedAsync($"approval approve {approvals[0]} --tenant acme", 4);
        Assert.Equal("person:fiona", (await cli.JsonAsync($"approval approve {approvals[0]} --tenant acme --token {mesh.Fiona.Token}")).GetProperty("decidedBy").GetString());
        await cli.JsonAsync($"approval deny {approvals[1]} --reason no --tenant acme --token {mesh.Fiona.Token}");
        Assert.Equal("APPROVAL_DECIDED", (await cli.RefusedAsync($"approval deny {approvals[1]} --reason no --tenant acme --token {mesh.Fiona.Token}", 6)).GetProperty("reason").GetString());
        Assert.Equal(cancelled, (await cli.JsonAsync($"task cancel {cancelled} --reason enough --tenant acme")).GetProperty("id").GetString());

        Assert.Equal("TASK_STATE_COMPLETED", (await cli.JsonAsync($"task wait {approved} --tenant acme")).GetProperty("state").GetString());
        Assert.Equal("TASK_STATE_DENIED", (await cli.JsonAsync($"task wait {denied} --tenant acme", 3)).GetProperty("state").GetString());
        Assert.Equal("TASK_STATE_CANCELLED", (await cli.JsonAsync($"task wait {cancelled} --tenant acme", 3)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_call_whose_outcome_nobody_knows_is_settled_by_a_person()
    {
        await mesh.AllReadyAsync();
        var since = (await mesh.WholeLogAsync()).Requests.Count;
        var order = await mesh.OfferOrderAsync();
        await mesh.Shop.TellAsync("/_slow", new { path = "/v1/refunds", afterMs = 3_000 });
        var id = await AttackedMesh.BeginAsync(mesh.Admin, RefundMesh.Acme, ScriptedCall.Tool("desk.once", new { order, amount_minor = 100, currency = "EUR" }, 0));
        await mesh.ShopHoldsAsync("POST", "/v1/refunds", since);
        await mesh.KillAndSeeReplacedAsync("toolrunner");

        var unknown = await cli.JsonAsync($"task wait {id} --until-approval --tenant acme", 7);
        var settled = await cli.JsonAsync($"task settle {id} 'desk.once#0' --outcome performed --result '{{\"seen\":true}}' --reason 'The book was looked at.' --tenant acme");

        Assert.Equal("TASK_STATE_UNKNOWN_OUTCOME", unknown.GetProperty("state").GetString());
        Assert.Equal(id, settled.GetProperty("id").GetString());
        await cli.JsonAsync($"task wait {id} --tenant acme");
        await mesh.AllReadyAsync();
    }

    [Fact]
    public async Task Keys_are_made_once_where_nothing_else_is_said()
    {
        var here = new Cli(desk, desk.In("new"));

        var made = await here.JsonAsync("keys init");
        var found = await here.JsonAsync("keys init");
        var other = await here.RefusedAsync("keys init --domain other.example.com", 6);

        Assert.Equal((desk.In("new", "keys"), "mesh.local", true), (made.GetProperty("directory").GetString(), made.GetProperty("domain").GetString(), made.GetProperty("created").GetBoolean()));
        Assert.False(found.GetProperty("created").GetBoolean());
        Assert.Equal("KEYS_REFUSED", other.GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData(1, "INVALID_ARGUMENT", "token create Olga!")]
    [InlineData(1, "INVALID_ARGUMENT", "list tols --tenant acme")]
    [InlineData(2, "USAGE", "task start")]
    [InlineData(2, "USAGE", "task list")]
    [InlineData(4, "UNAUTHENTICATED", "task list --tenant acme --token mesh_nonsense")]
    [InlineData(5, "TASK_NOT_FOUND", "task get 01900000-0000-7000-8000-000000000000 --tenant acme")]
    [InlineData(5, "WORKFLOW_NOT_FOUND", "task start nobody --tenant acme")]
    [InlineData(5, "TENANT_NOT_FOUND", "audit verify --tenant nobody")]
    [InlineData(8, "", "task list --tenant acme --endpoint http://127.0.0.1:1")]
    public async Task What_is_refused_is_one_json_object_on_standard_error_and_an_exit_code(int exitCode, string reason, string line)
    {
        var refused = await cli.RefusedAsync(line, exitCode);

        Assert.Equal(reason, refused.GetProperty("reason").GetString());
        // Of what was not understood nobody was asked.
        Assert.Matches(line == "task start" ? "^$" : "^[0-9a-f]{32}$", refused.GetProperty("traceId").GetString());
        Assert.All((string[])["code", "domain", "message", "requestId"], name => Assert.Equal(JsonValueKind.String, refused.GetProperty(name).ValueKind));
        Assert.Equal(JsonValueKind.Object, refused.GetProperty("metadata").ValueKind);
    }

    [Fact]
    public async Task A_wait_that_takes_too_long_ends_with_124_and_one_that_is_interrupted_with_130()
    {
        var id = await StartAsync(6_400);
        await cli.JsonAsync($"task wait {id} --until-approval --tenant acme", 7);

        Assert.Equal("TASK_STATE_WAITING_APPROVAL", (await cli.JsonAsync($"task wait {id} --timeout 1s --tenant acme", 124)).GetProperty("state").GetString());
        using var waiting = cli.Start($"task events {id} --follow --tenant acme");
        await waiting.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        DevMesh.Signal(waiting.Id, 2);
        await waiting.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(130, waiting.ExitCode);
        await cli.JsonAsync($"task cancel {id} --tenant acme");
    }

    [Fact]
    public async Task A_log_that_another_key_should_have_signed_is_a_finding_and_10()
    {
        using var key = Mesh.Integrity.SigningKey.FromSeed(Mesh.Integrity.SigningKey.GenerateSeed());
        var stranger = new Mesh.Integrity.NoteSigner("mesh.local/audit", key).Verifier;

        var report = await cli.JsonAsync($"audit verify --vkey '{stranger}' --state {desk.In("seen")} --tenant acme", 10);

        Assert.False(report.GetProperty("verified").GetBoolean());
        Assert.Equal("SIGNATURE", Assert.Single(report.GetProperty("findings").EnumerateArray()).GetProperty("code").GetString());
    }

    public void Dispose() => desk.Dispose();

    private async Task<string> StartAsync(long amountMinor)
    {
        var order = await mesh.OfferOrderAsync(amountMinor);
        var task = await cli.JsonAsync($"task start refund-request --input '{{\"order_id\": \"{order}\"}}' --tenant acme");
        return task.GetProperty("id").GetString()!;
    }

    private Task<JsonElement> VerifyAsync() => cli.JsonAsync($"audit verify --state {desk.In("seen")} --tenant acme");
}
