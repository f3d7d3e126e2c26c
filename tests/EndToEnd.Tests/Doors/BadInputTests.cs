using System.Text;
using System.Text.Json;
using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Doors;

/// <summary>People and systems send what cannot be meant: each is told what is wrong and where, and nothing is changed.</summary>
[Collection(nameof(Together))]
public sealed class BadInputTests(AttackedMesh mesh)
{
    private const string Tasks = "/v1/tenants/acme/tasks";
    private const string Apply = "/v1/manifests:apply";
    private const string Secrets = "/v1/tenants/acme/secrets:put";
    private const string NoTask = "01900000-0000-7000-8000-000000000000";

    /// <summary>What is wrong · path · body (none: GET) · status · reason · what the answer names: a field, a path or a limit.</summary>
    public static TheoryData<string, string, string?, int, string, string> Requests => new()
    {
        { "no JSON", Tasks, """{"workflow":""", 400, "JSON_REFUSED", "" },
        { "no object", Tasks, "[]", 400, "INVALID_ARGUMENT", "" },
        { "a key twice", Tasks, """{"workflow":"probe","input":{"a":1,"a":2}}""", 400, "JSON_REFUSED", "/input/a" },
        { "the same key in two spellings of the contract", Tasks, """{"workflow":"probe","requestId":"a","request_id":"b"}""", 400, "INVALID_ARGUMENT", "request_id" },
        { "too deep", Tasks, """{"workflow":"probe","input":{"a":""" + new string('[', 40) + new string(']', 40) + "}}", 400, "JSON_REFUSED", "/input/a/0" },
        { "very deep", Tasks, new string('[', 200_000), 400, "JSON_REFUSED", "/0" },
        { "a number that a double would change", Tasks, """{"workflow":"probe","input":{"n":9007199254740993}}""", 400, "JSON_REFUSED", "/input/n" },
        { "half of a surrogate pair", Tasks, """{"workflow":"probe","input":{"s":"\ud800"}}""", 400, "JSON_REFUSED", "/input/s" },
        { "a wrong type", Tasks, """{"workflow":{"name":"probe"}}""", 400, "INVALID_ARGUMENT", "workflow must be a string" },
        { "an unknown field", Tasks, """{"workflow":"probe","inptu":{}}""", 400, "INVALID_ARGUMENT", "inptu" },
        { "an unknown workflow", Tasks, """{"workflow":"nobody","input":{}}""", 404, "WORKFLOW_NOT_FOUND", "" },
        { "a workflow that nobody can store", Tasks, """{"workflow":"a\u0000b","input":{}}""", 400, "INVALID_ARGUMENT", "workflow must not hold U+0000" },
        { "another tenant's workflow", "/v1/tenants/bare/tasks", """{"workflow":"refund-request","input":{"order_id":"1001"}}""", 404, "WORKFLOW_NOT_FOUND", "" },
        { "an input without what the schema requires", Tasks, """{"workflow":"refund-request","input":{}}""", 400, "SCHEMA_MISMATCH", "input" },
        { "an input of a wrong type", Tasks, """{"workflow":"refund-request","input":{"order_id":5}}""", 400, "SCHEMA_MISMATCH", "input/order_id" },
        { "an input that is too long", Tasks, $$$"""{"workflow":"refund-request","input":{"order_id":"{{{new string('x', 65)}}}"}}""", 400, "SCHEMA_MISMATCH", "input/order_id" },
        { "an input with more than the schema knows", Tasks, """{"workflow":"refund-request","input":{"order_id":"1001","also":1}}""", 400, "SCHEMA_MISMATCH", "input/also" },
        { "an input above its limit", Tasks, $$$"""{"workflow":"probe","input":{"s":"{{{new string('x', 256 * 1024)}}}"}}""", 400, "PAYLOAD_TOO_LARGE", "262144" },
        { "a body above its limit", Tasks, $$$"""{"workflow":"probe","input":{"s":"{{{new string('x', 1024 * 1024)}}}"}}""", 413, "PAYLOAD_TOO_LARGE", "1048576" },
        { "a request id that is too long", Tasks, $$"""{"workflow":"probe","requestId":"{{new string('x', 129)}}"}""", 400, "INVALID_ARGUMENT", "request_id" },
        { "a request id that nobody can print", Tasks, """{"workflow":"probe","requestId":"a\u0000b"}""", 400, "INVALID_ARGUMENT", "request_id" },
        { "a negative page", $"{Tasks}?pageSize=-1", null, 400, "INVALID_ARGUMENT", "page_size" },
        { "a page of letters", $"{Tasks}?pageSize=many", null, 400, "INVALID_ARGUMENT", "pageSize must be a whole number" },
        { "a page of letters, in the contract's spelling", $"{Tasks}?page_size=abc", null, 400, "INVALID_ARGUMENT", "page_size must be a whole number" },
        { "two pages", $"{Tasks}?page_size=1&page_size=2", null, 400, "INVALID_ARGUMENT", "page_size is there twice" },
        { "a filter with a typing error", $"{Tasks}?worklfow=probe", null, 400, "INVALID_ARGUMENT", "worklfow is no parameter" },
        { "a parameter where there is none", "/v1/whoami?bogus=1", null, 400, "INVALID_ARGUMENT", "bogus is no parameter" },
        { "a field beside the body", $"{Tasks}?workflow=probe", "{}", 400, "INVALID_ARGUMENT", "workflow is no parameter" },
        { "a wait of letters", $"{Tasks}/{NoTask}:wait?timeout=abc", null, 400, "INVALID_ARGUMENT", "timeout must be a duration" },
        { "an entry of letters", "/v1/tenants/acme/audit/entries/abc/proof", null, 400, "INVALID_ARGUMENT", "index must be a whole number" },
        { "nothing at all", Tasks, "", 400, "INVALID_ARGUMENT", "body must be an object" },
        { "a page token of one's own", $"{Tasks}?pageToken=AAAA", null, 400, "PAGE_TOKEN_INVALID", "page_token" },
        { "a page token of one's own for manifests", "/v1/tenants/acme/manifests?pageToken=nonsense", null, 400, "PAGE_TOKEN_INVALID", "page_token" },
        { "a page token of one's own for approvals", "/v1/tenants/acme/approvals?pageToken=nonsense", null, 400, "PAGE_TOKEN_INVALID", "page_token" },
        { "a state that does not exist", $"{Tasks}?states=TASK_STATE_HAPPY", null, 400, "INVALID_ARGUMENT", "states must be one of" },
        { "a task that is no id", $"{Tasks}/nobody", null, 400, "INVALID_ARGUMENT", "task_id" },
        { "a task that does not exist", $"{Tasks}/{NoTask}", null, 404, "TASK_NOT_FOUND", "" },
        { "a reason above its limit", $"{Tasks}/{NoTask}:cancel", $$"""{"reason":"{{new string('x', 1025)}}"}""", 404, "TASK_NOT_FOUND", "" },
        { "an approval that is no id", "/v1/tenants/acme/approvals/../x", null, 404, "UNSUPPORTED", "" },
        { "an approval that is no id at all", "/v1/tenants/acme/approvals/nobody", null, 400, "INVALID_ARGUMENT", "approval_id" },
        { "a decision about nothing", $"/v1/tenants/acme/approvals/{NoTask}:approve", "{}", 404, "APPROVAL_NOT_FOUND", "" },
        { "an entry before the first", "/v1/tenants/acme/audit/entries/-1/proof", null, 400, "INVALID_ARGUMENT", "index" },
        { "an entry after the last", "/v1/tenants/acme/audit/entries/99999999/proof", null, 404, "ENTRY_NOT_FOUND", "" },
        { "a secret for nothing", Secrets, """{"name":"payments-key","value":"eA=="}""", 400, "INVALID_ARGUMENT", "name" },
        { "a secret of nothing", Secrets, """{"name":"payments/payments-key","value":""}""", 400, "INVALID_ARGUMENT", "value" },
        { "a secret that is not base64", Secrets, """{"name":"payments/payments-key","value":"***"}""", 400, "INVALID_ARGUMENT", "" },
        { "a secret above its limit", Secrets, $$"""{"name":"payments/payments-key","value":"{{Convert.ToBase64String(new byte[65 * 1024])}}"}""", 400, "INVALID_ARGUMENT", "value" },
        { "a webhook's secret of another form", Secrets, """{"name":"webhooks/shop-signing-key","value":"eA=="}""", 400, "INVALID_ARGUMENT", "value" },
        { "a role that does not exist", "/v1/access/tokens", """{"principal":"olga","kind":"KIND_PERSON","roles":[{"tenant":"acme","role":"king"}]}""", 400, "INVALID_ARGUMENT", "roles[0].role" },
        { "a token for ever", "/v1/access/tokens", """{"principal":"olga","kind":"KIND_PERSON","expiresAt":"2999-01-01T00:00:00Z"}""", 400, "INVALID_ARGUMENT", "expires_at" },
        { "a name that is none", "/v1/access/tokens", """{"principal":"Olga!","kind":"KIND_PERSON"}""", 400, "INVALID_ARGUMENT", "principal" },
        { "a member whom nobody knows", "/v1/tenants/acme/groups/finance:add", """{"principal":"nobody"}""", 404, "PRINCIPAL_NOT_FOUND", "" },
        { "no manifest", Apply, """{"files":[]}""", 400, "INVALID_ARGUMENT", "files" },
        { "a manifest that is no YAML", Apply, Manifest("kind: [Tenant\n"), 400, "MANIFEST_INVALID", "bad.yaml:" },
        { "a manifest of another version", Apply, Manifest("apiVersion: mesh/v9\nkind: Tenant\nmetadata: {name: x}\n"), 400, "MANIFEST_INVALID", "bad.yaml:1" },
        { "a manifest with an unknown field", Apply, Manifest("apiVersion: mesh/v1\nkind: Integration\nmetadata: {tenant: acme, name: x}\nspec:\n  http: {baseUrl: \"http://127.0.0.1:1\"}\n  egress: [\"127.0.0.1:1\"]\n  credentail: {}\n"), 400, "MANIFEST_INVALID", "bad.yaml:7" },
        { "a manifest with an alias", Apply, Manifest("apiVersion: mesh/v1\nkind: Tenant\nmetadata: &m {name: x}\nspec: *m\n"), 400, "MANIFEST_INVALID", "bad.yaml:3" },
        { "a manifest with a key twice", Apply, Manifest("apiVersion: mesh/v1\nkind: Tenant\nkind: Tenant\nmetadata: {name: x}\n"), 400, "MANIFEST_INVALID", "bad.yaml:3" },
        { "a manifest above its limit", Apply, Manifest($"# {new string('x', 256 * 1024)}\n"), 400, "MANIFEST_INVALID", "bad.yaml" },
        { "an integration at an address that no tool may reach", Apply, Manifest("apiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: acme}\n---\napiVersion: mesh/v1\nkind: Integration\nmetadata: {tenant: acme, name: x}\nspec:\n  http: {baseUrl: \"http://169.254.169.254\"}\n  egress: [\"169.254.169.254:80\"]\n"), 400, "MANIFEST_INVALID", "bad.yaml:5: spec.egress[0]" },
        { "a tool of an integration that does not exist", Apply, Manifest("apiVersion: mesh/v1\nkind: Tool\nmetadata: {tenant: acme, name: a.b}\nspec:\n  integration: nobody\n  class: [read]\n  description: None.\n  input: {type: object}\n  http: {method: GET, path: /}\n"), 400, "MANIFEST_INVALID", "bad.yaml" },
        { "a workflow of a tool that does not exist", Apply, Manifest("apiVersion: mesh/v1\nkind: Workflow\nmetadata: {tenant: acme, name: probe}\nspec:\n  tools: [no.such]\n  agent: {process: {command: [x], bundle: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}}\n"), 400, "MANIFEST_INVALID", "bad.yaml" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Is_refused_with_its_reason_and_its_place_changes_nothing_and_is_counted(string what, string path, string? body, int status, string reason, string place)
    {
        var before = await ThingsAsync();
        var counted = await mesh.RefusalsAsync(reason);

        var answer = body is null ? await mesh.Admin.GetAsync(path) : await mesh.Admin.PostTextAsync(path, body);

        answer.Refused(status, reason);
        var places = answer.Fields.Select(field => $"{field.Field} {field.Description}").Append(answer.Metadata("path")).Append(answer.Metadata("limit_bytes"));
        Assert.True(place.Length == 0 || places.Any(each => each.StartsWith(place, StringComparison.Ordinal)), $"{what}: {answer.Text}");
        Assert.Equal(before, await ThingsAsync());
        Assert.True(await mesh.RefusalsAsync(reason) > counted, $"{what} was not counted as {reason}.");
    }

    [Fact]
    public async Task A_body_in_another_type_charset_or_encoding_is_refused_before_anybody_reads_it()
    {
        const string good = """{"workflow":"probe","input":{}}""";
        var before = await ThingsAsync();

        Assert.Equal("content-type", Assert.Single((await mesh.Olga.PostTextAsync(Tasks, good, "text/plain")).Refused(400, "INVALID_ARGUMENT").Fields).Field);
        Assert.Equal("content-type", Assert.Single((await mesh.Olga.PostBytesAsync(Tasks, Encoding.Unicode.GetBytes(good), "application/json; charset=utf-16")).Refused(400, "INVALID_ARGUMENT").Fields).Field);
        (await mesh.Olga.PostBytesAsync(Tasks, [.. Encoding.UTF8.GetBytes("""{"workflow":"pro"""), 0xff, 0xfe, .. Encoding.UTF8.GetBytes("\"}")])).Refused(400, "JSON_REFUSED");
        using var zipped = new HttpRequestMessage(HttpMethod.Post, new Uri(Tasks, UriKind.Relative)) { Content = new StringContent(good, Encoding.UTF8, "application/json") };
        zipped.Content.Headers.ContentEncoding.Add("gzip");
        Assert.Equal("content-encoding", Assert.Single((await mesh.Olga.SendAsync(zipped)).Refused(400, "INVALID_ARGUMENT").Fields).Field);

        Assert.Equal(before, await ThingsAsync());
    }

    [Fact]
    public async Task A_request_id_with_another_body_is_refused_and_with_the_same_is_the_same_task()
    {
        var id = Guid.NewGuid().ToString("N");
        var first = (await mesh.Olga.PostAsync(Tasks, new { workflow = "probe", input = new { }, requestId = id })).Good().GetProperty("task").GetProperty("id").GetString();
        var before = await ThingsAsync();

        (await mesh.Olga.PostAsync(Tasks, new { workflow = "probe", input = new { other = 1 }, requestId = id })).Refused(409, "REQUEST_ID_REUSED");
        var again = (await mesh.Olga.PostAsync(Tasks, new { workflow = "probe", input = new { }, requestId = id })).Good();

        Assert.Equal(first, again.GetProperty("task").GetProperty("id").GetString());
        Assert.True(again.GetProperty("existed").GetBoolean());
        Assert.Equal(before, await ThingsAsync());
    }

    [Fact]
    public async Task A_policy_whose_own_test_fails_is_not_activated_and_says_which()
    {
        const string text = """
            apiVersion: mesh/v1
            kind: PolicySet
            metadata: {tenant: acme, name: attack, version: 2}
            spec:
              mode: enforce
              rules:
                - {id: everything, effect: permit, when: {tool: [mirror.raw]}}
              tests:
                - {name: nothing is permitted, request: {tool: mirror.raw}, expect: {decision: deny}}
            """;
        var (before, counted) = (await ThingsAsync(), await mesh.RefusalsAsync("POLICY_TEST_FAILED"));

        var answer = (await mesh.Admin.PostAsync(Apply, new { files = new[] { new { name = "policy.yaml", text } } })).Refused(400, "POLICY_TEST_FAILED");

        Assert.Contains("nothing is permitted", answer.Text, StringComparison.Ordinal);
        Assert.Equal(before, await ThingsAsync());
        Assert.True(await mesh.RefusalsAsync("POLICY_TEST_FAILED") > counted, "It was not counted.");
    }

    [Fact]
    public async Task One_bad_manifest_among_good_ones_leaves_all_of_them_out()
    {
        var before = await ThingsAsync();
        var files = new[]
        {
            new { name = "good.yaml", text = "apiVersion: mesh/v1\nkind: Integration\nmetadata: {tenant: acme, name: late}\nspec: {http: {baseUrl: \"http://127.0.0.1:1\"}, egress: [\"127.0.0.1:1\"]}\n" },
            new { name = "bad.yaml", text = "apiVersion: mesh/v1\nkind: Tool\nmetadata: {tenant: acme, name: late.call}\nspec: {integration: late, class: [read], description: None., input: {type: objekt}, http: {method: GET, path: /}}\n" },
        };

        var answer = (await mesh.Admin.PostAsync(Apply, new { files })).Refused(400, "MANIFEST_INVALID");

        Assert.All(answer.Fields, field => Assert.StartsWith("bad.yaml:", field.Field, StringComparison.Ordinal));
        Assert.Equal(before, await ThingsAsync());
    }

    private static string Manifest(string text) => JsonSerializer.Serialize(new { files = new[] { new { name = "bad.yaml", text } } });

    // What a refused request could have made: rows of every store that keeps something of people's wishes.
    private async Task<string> ThingsAsync()
    {
        string[] tables =
        [
            "orchestrator.task", "orchestrator.request", "orchestrator.manifest", "orchestrator.workflow_version", "orchestrator.tool_definition",
            "policy.manifest", "policy.current_manifest", "policy.principal", "policy.role_grant", "policy.group_member", "policy.token", "policy.activation",
            "vault.secret_version", "vault.manifest", "vault.tool_definition",
        ];
        var counts = await Task.WhenAll(tables.Select(async table => $"{table}: {await mesh.CountAsync($"select count(*) from {table}")}"));
        return string.Join(", ", counts);
    }
}
