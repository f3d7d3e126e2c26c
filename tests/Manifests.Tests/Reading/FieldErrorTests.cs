namespace Mesh.Manifests.Tests.Reading;

public sealed class FieldErrorTests
{
    [Theory]
    [InlineData("integration: Crm", "spec.integration", "must be a name")]
    [InlineData("class: []", "spec.class", "1 to 5 items")]
    [InlineData("class: [harmless]", "spec.class[0]", "must be one of read, write, customer_facing, destructive, financial")]
    [InlineData("class: [read, read]", "spec.class[1]", "listed twice")]
    [InlineData("timeout: 6m", "spec.timeout", "at most 5m")]
    [InlineData("timeout: 10", "spec.timeout", "must be a string, is an integer")]
    [InlineData("timeout: 1e3", "spec.timeout", "must be a duration")]
    [InlineData("output: {maxBytes: 262145}", "spec.output.maxBytes", "1 to 262144")]
    [InlineData("output: {maxBytes: 1e3}", "spec.output.maxBytes", "must be an integer, is a string")]
    [InlineData("output: {maxBytes: yes}", "spec.output.maxBytes", "must be an integer, is a string")]
    [InlineData("repeat: {safe: yes}", "spec.repeat.safe", "must be true or false, is a string")]
    [InlineData("repeat: {key: {header: K}}", "spec.repeat.safe", "is required")]
    [InlineData("repeat: {safe: true, key: {header: Content-Length}}", "spec.repeat.key.header", "cannot be set")]
    [InlineData("process: {command: [ls]}", "spec.process", "not available yet")]
    [InlineData("mcp: {server: a, tool: b}", "spec.mcp", "not available yet")]
    [InlineData("model: {provider: openai}", "spec.model", "not available yet")]
    [InlineData("postgres: {statement: x}", "spec.postgres", "not available yet")]
    [InlineData("secrets: [a]", "spec.secrets", "not a known field")]
    [InlineData("http: {method: get, path: /x}", "spec.http.method", "must be one of GET")]
    [InlineData("http: {method: GET, path: x}", "spec.http.path", "start with a slash")]
    [InlineData("http: {method: GET, path: /../x}", "spec.http.path", "nor . or ..")]
    [InlineData("http: {method: GET, path: //evil.example/x}", "spec.http.path", "empty segments")]
    [InlineData("http: {method: GET, path: \"/{body.x}\"}", "spec.http.path", "not known here; known: {input}, {idempotencyKey}")]
    [InlineData("http: {method: GET, path: \"/{value}\"}", "spec.http.path", "not known here")]
    [InlineData("http: {method: GET, path: /x, body: \"{input}\"}", "spec.http.body", "have no body")]
    [InlineData("http: {method: POST, path: /x, body: {a: [\"{inputs}\"]}}", "spec.http.body.a[0]", "not known here")]
    [InlineData("http: {method: GET, path: /x, headers: {Host: evil}}", "spec.http.headers.Host", "cannot be set")]
    [InlineData("http: {method: GET, path: /x, headers: {\"A B\": x}}", "spec.http.headers[\"A B\"]", "header name")]
    [InlineData("http: {method: GET, path: /x, headers: {A: \"x\\ny\"}}", "spec.http.headers.A", "control characters")]
    [InlineData("http: {method: GET, path: /x, query: {\"a&b\": x}}", "spec.http.query[\"a&b\"]", "parameter name")]
    [InlineData("http: {method: GET, path: /x, tls: false}", "spec.http.tls", "not a known field")]
    [InlineData("reconcile: {http: {method: POST, path: /x}, performedWhen: {status: 200}}", "spec.reconcile.http.method", "must be one of GET, HEAD")]
    [InlineData("reconcile: {http: {method: GET, path: /x}, performedWhen: {}}", "spec.reconcile.performedWhen.status", "is required")]
    [InlineData("attributes: {classes: id}", "spec.attributes.classes", "runtime gives itself")]
    [InlineData("attributes: {n: id}", "spec.attributes.n", "cannot hide it")]
    [InlineData("attributes: {total: deep.down}", "spec.attributes.total", "does not lead to")]
    [InlineData("input: {type: object, properties: {id: {type: text}}}", "spec.input.properties.id.type", "must be one or several of")]
    [InlineData("input: {type: object, unevaluatedProperties: false}", "spec.input.unevaluatedProperties", "not known")]
    [InlineData("input: {$ref: \"https://evil.example/schema\"}", "spec.input.$ref", "only local references")]
    [InlineData("input: {properties: {id: {pattern: \"(?=a)\"}}}", "spec.input.properties.id.pattern", "linear time")]
    public void A_wrong_tool_field_is_named(string part, string field, string why) => AssertError(Example.Tool(part), field, why);

    [Theory]
    [InlineData("http: {baseUrl: \"ftp://crm.example\"}", "spec.http.baseUrl", "http or https URL")]
    [InlineData("http: {baseUrl: \"https://user@crm.example\"}", "spec.http.baseUrl", "http or https URL")]
    [InlineData("http: {baseUrl: \"https://crm.example/a/../b\"}", "spec.http.baseUrl", "http or https URL")]
    [InlineData("http: {baseUrl: \"https://crm.example/?a\"}", "spec.http.baseUrl", "http or https URL")]
    [InlineData("http: {baseUrl: \"https://CRM.example\"}", "spec.http.baseUrl", "http or https URL")]
    [InlineData("http: {baseUrl: \"http://crm.example\"}", "spec.egress", "must list crm.example:80")]
    [InlineData("egress: []", "spec.egress", "1 to 32 items")]
    [InlineData("egress: [\"*.example:443\"]", "spec.egress[0]", "host:port")]
    [InlineData("egress: [\"crm.example\"]", "spec.egress[0]", "host:port")]
    [InlineData("egress: [\"crm.example:0\"]", "spec.egress[0]", "host:port")]
    [InlineData("egress: [\"crm.example:443\", \"127.1:80\"]", "spec.egress[1]", "host:port")]
    [InlineData("egress: [\"crm.example:443\", \"0x7f.1:80\"]", "spec.egress[1]", "host:port")]
    [InlineData("egress: [\"crm.example:443\", \"[::1]:80\", \"[0:0::1]:80\"]", "spec.egress[2]", "host:port")]
    [InlineData("egress: [\"crm.example:\"]", "spec.egress[0]", "host:port")]
    [InlineData("credential: {secret: k, inject: {header: A}, rotate: {every: 24h}}", "spec.credential.rotate", "not available yet")]
    [InlineData("credential: {secret: k, inject: {}}", "spec.credential.inject", "exactly one of header, query, basic")]
    [InlineData("credential: {secret: k, inject: {header: A, query: b}}", "spec.credential.inject", "exactly one of")]
    [InlineData("credential: {secret: k, inject: {header: A, format: Bearer}}", "spec.credential.inject.format", "exactly once")]
    [InlineData("credential: {secret: k, inject: {header: A, format: \"{value}{value}\"}}", "spec.credential.inject.format", "exactly once")]
    [InlineData("credential: {secret: k, inject: {query: b, format: \"{value}\"}}", "spec.credential.inject.format", "belongs to header only")]
    [InlineData("credential: {secret: k, inject: {header: Host}}", "spec.credential.inject.header", "cannot be set")]
    [InlineData("credential: {secret: k, inject: {env: A}}", "spec.credential.inject.env", "not available yet")]
    [InlineData("credential: {secret: a/b, inject: {header: A}}", "spec.credential.secret", "must be a name")]
    public void A_wrong_integration_field_is_named(string part, string field, string why) => AssertError(Example.Integration(part), field, why);

    [Theory]
    [InlineData("agent: {connect: {}}", "spec.agent.connect", "not available yet")]
    [InlineData("agent: {prompt: {model: a.b}}", "spec.agent.prompt", "not available yet")]
    [InlineData("agent: {process: {command: [], directory: ./a}}", "spec.agent.process.command", "1 to 64 items")]
    [InlineData("agent: {process: {command: [a]}}", "spec.agent.process", "exactly one of directory and bundle")]
    [InlineData("agent: {process: {command: [a], bundle: latest}}", "spec.agent.process.bundle", "sha256:")]
    [InlineData("placement: {labels: {residency: eu}}", "spec.placement", "not available yet")]
    [InlineData("retention: 90d", "spec.retention", "not available yet")]
    [InlineData("limits: {steps: 0}", "spec.limits.steps", "must be 1 to 100000")]
    [InlineData("limits: {tokens: 5}", "spec.limits.tokens", "not available yet")]
    [InlineData("limits: {concurrency: {key: a, max: 1}}", "spec.limits.concurrency", "not available yet")]
    [InlineData("limits: {duration: 91d}", "spec.limits.duration", "at most 90d")]
    [InlineData("tools: [Crm]", "spec.tools[0]", "must be a tool name")]
    public void A_wrong_workflow_field_is_named(string part, string field, string why) => AssertError(Example.Workflow(part), field, why);

    [Theory]
    [InlineData("scheme: stripe", "spec.scheme", "stripe is not available yet; known: standard-webhooks, github, hmac")]
    [InlineData("scheme: none", "spec.scheme", "must be one of standard-webhooks, github, hmac")]
    [InlineData("scheme: [github]", "spec.scheme", "must be a string")]
    [InlineData("scheme: hmac", "spec.hmac", "is required")]
    [InlineData("hmac: {algorithm: sha256}", "spec.hmac", "only for the scheme hmac")]
    [InlineData("dedupe: body", "spec.dedupe", "only for schemes that sign neither an id nor a time stamp")]
    [InlineData("signal: {workflow: a}", "spec.signal", "not available yet")]
    [InlineData("start: {workflow: a, labels: {x: y}}", "spec.start.labels", "not available yet")]
    [InlineData("start: {workflow: a, input: {x: {y: \"{input.z}\"}}}", "spec.start.input.x.y", "known: {body}")]
    public void A_wrong_webhook_field_is_named(string part, string field, string why) => AssertError(Example.Webhook(part), field, why);

    [Theory]
    [InlineData("mode: shadow", "spec.mode", "shadow is not available yet")]
    [InlineData("attributes: {a: {type: int}}", "spec.attributes", "not available yet")]
    [InlineData("rules: []", "spec.rules", "1 to 500 items")]
    [InlineData("rules: [{id: a, effect: allow, when: {tool: [x]}}]", "spec.rules[0].effect", "must be one of permit, require_approval, forbid")]
    [InlineData("rules: [{id: a, effect: permit, when: {}}]", "spec.rules[0].when", "at least one of")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: crm.get}}]", "spec.rules[0].when.tool", "must be a list, is a string")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: [x], all: [{n: {above: 1}}]}}]", "spec.rules[0].when.all[0].n.above", "not a comparison")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: [x], all: [{n: {lte: 1e3}}]}}]", "spec.rules[0].when.all[0].n.lte", "must be an integer, is a string")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: [x], any: [{n: {in: []}}]}}]", "spec.rules[0].when.any[0].n.in", "list of 1 to 100")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: [x], not: {n: {exists: 1}}}}]", "spec.rules[0].when.not.n.exists", "true or false")]
    [InlineData("rules: [{id: a, effect: require_approval, when: {tool: [x]}}]", "spec.rules[0].approval", "exactly when")]
    [InlineData("rules: [{id: a, effect: require_approval, approval: b, when: {tool: [x]}}]", "spec.rules[0].approval", "b is not an approval of this set")]
    [InlineData("rules: [{id: a, effect: permit, limits: [b], when: {tool: [x]}}]", "spec.rules[0].limits", "b is not a limit of this set")]
    [InlineData("rules: [{id: a, effect: permit, limits: [l], when: {tool: [x, mesh.start]}}]\n  limits: [{id: l, kind: count, key: [tenant], max: 1, window: 1h, onExceed: deny}]", "spec.rules[0].limits", "mesh.start is not counted")]
    [InlineData("rules: [{id: a, effect: forbid, unattended: true, when: {tool: [x]}}]", "spec.rules[0].unattended", "permit only")]
    [InlineData("rules: [{id: a, effect: permit, obligations: {redact: [x]}, when: {tool: [x]}}]", "spec.rules[0].obligations", "not available yet")]
    [InlineData("rules: [{id: a, effect: permit, when: {tool: [x]}}, {id: a, effect: forbid, when: {tool: [x]}}]", "spec.rules", "given to two of them")]
    [InlineData("limits: [{id: l, kind: rate, key: [tenant], max: 1, window: 1h, onExceed: deny}]", "spec.limits[0].kind", "rate is not available yet")]
    [InlineData("limits: [{id: l, kind: count, field: n, key: [tenant], max: 1, window: 1h, onExceed: deny}]", "spec.limits[0].field", "exactly when the kind is amount")]
    [InlineData("limits: [{id: l, kind: count, key: [tenant], max: 1, window: 31d, onExceed: deny}]", "spec.limits[0].window", "at most 30d")]
    [InlineData("limits: [{id: l, kind: count, key: [tenant], max: 1, window: 1h, onExceed: require_approval}]", "spec.limits[0].approval", "exactly when onExceed")]
    [InlineData("approvals: [{id: p, queue: q, roles: [r], quorum: 2, expiresAfter: 4h}]", "spec.approvals[0].quorum", "must be 1 to 1")]
    [InlineData("approvals: [{id: p, queue: q, roles: [r], quorum: 1, expiresAfter: 4h, separationOfDuties: [workflow_owner]}]", "spec.approvals[0].separationOfDuties[0]", "not available yet")]
    [InlineData("approvals: [{id: p, queue: q, roles: [r], quorum: 1, expiresAfter: 4h, show: [a]}]", "spec.approvals[0].show", "not available yet")]
    [InlineData("tests: [{name: t, given: {}, request: {tool: x}, expect: {decision: deny}}]", "spec.tests[0].given", "not available yet")]
    [InlineData("tests: [{name: t, request: {tool: x, attributes: {a: 0.5}}, expect: {decision: deny}}]", "spec.tests[0].request.attributes.a", "must be a string, an integer")]
    [InlineData("tests: [{name: t, request: {tool: x}, expect: {decision: forbid}}]", "spec.tests[0].expect.decision", "permit, require_approval, deny")]
    [InlineData("tests: [{name: t, request: {tool: x}, expect: {decision: deny, rules: [zz]}}]", "spec.tests[0].expect.rules", "zz is not a rule")]
    public void A_wrong_policy_field_is_named(string part, string field, string why) => AssertError(Example.Policy(part), field, why);

    [Fact]
    public void Conditions_nest_eight_levels_and_no_deeper()
    {
        string Nested(int nots) => "rules: [{id: a, effect: permit, when: {tool: [x], not: "
            + string.Concat(Enumerable.Repeat("{not: ", nots - 1)) + "{n: {eq: 1}}" + new string('}', nots - 1) + "}}]";

        Assert.Equal([], ManifestReader.Read("f", Example.Policy(Nested(7))).Errors);
        AssertError(Example.Policy(Nested(8)), "spec.rules[0].when" + string.Concat(Enumerable.Repeat(".not", 8)), "deeper than 8 levels");
    }

    [Theory]
    [InlineData("apiVersion: mesh/v2\nkind: Tenant\nmetadata: {name: a}", "apiVersion", "must be mesh/v1")]
    [InlineData("kind: Tenant\nmetadata: {name: a}", "apiVersion", "is required")]
    [InlineData("apiVersion: mesh/v1\nkind: Schedule\nmetadata: {tenant: a, name: a}\nspec: {}", "kind", "Schedule is not available yet")]
    [InlineData("apiVersion: mesh/v1\nkind: Pod\nmetadata: {tenant: a, name: a}", "kind", "must be one of Tenant")]
    [InlineData("apiVersion: mesh/v1\nkind: Tool\nmetadata: {name: a}", "metadata.tenant", "is required")]
    [InlineData("apiVersion: mesh/v1\nkind: Tool\nmetadata: {tenant: a, name: mesh.start}", "metadata.name", "built-in tools")]
    [InlineData("apiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: mesh}", "metadata.name", "platform has this name")]
    [InlineData("apiVersion: mesh/v1\nkind: Tool\nmetadata: {tenant: mesh, name: b}", "metadata.tenant", "platform has this name")]
    [InlineData("apiVersion: mesh/v1\nkind: Integration\nmetadata: {tenant: a, name: webhooks}", "metadata.name", "signing keys of webhooks")]
    [InlineData("apiVersion: mesh/v1\nkind: Tool\nmetadata: {tenant: a, name: b, version: 2}", "metadata.version", "not a known field")]
    [InlineData("apiVersion: mesh/v1\nkind: PolicySet\nmetadata: {tenant: a, name: b, version: 0}", "metadata.version", "1 to 2147483647")]
    [InlineData("apiVersion: mesh/v1\nkind: Workflow\nmetadata: {tenant: a, name: b}", "spec", "is required")]
    [InlineData("just text", "", "must be a map")]
    public void A_wrong_envelope_is_named(string text, string field, string why) => AssertError(text + "\n", field, why);

    [Fact]
    public void The_parts_that_the_tests_put_together_are_valid_by_themselves()
    {
        foreach (var text in new[] { Example.Tool("timeout: 5m"), Example.Integration("egress: [\"crm.example:443\"]"),
            Example.Workflow("limits: {steps: 3}"), Example.Webhook("secret: key"), Example.Policy("mode: enforce") })
        {
            Assert.Equal([], ManifestReader.Read("f", text).Errors);
        }
    }

    private static void AssertError(string text, string field, string why)
    {
        var reading = ManifestReader.Read("some.yaml", text);

        Assert.Empty(reading.Documents);
        Assert.True(
            reading.Errors.Any(e => e.Field == field && e.Message.Contains(why, StringComparison.Ordinal) && e is { File: "some.yaml", Line: > 0, Column: > 0 }),
            $"expected {field}: …{why}…, got:\n{string.Join('\n', reading.Errors)}");
    }
}
