using System.Globalization;
using Mesh.Integrity;
using Mesh.Manifests;

namespace EndToEnd.Tests.Fixture;

/// <summary>What the attacked mesh declares beside the refund sample.</summary>
public sealed class AttackManifests(int shopPort)
{
    private const string Workflow = """
        ---
        apiVersion: mesh/v1
        kind: Workflow
        metadata: {tenant: TENANT, name: probe}
        spec:
          tools: [TOOLS]
          agent:
            process: {command: [dotnet, ScriptedAgent.dll], directory: ./agent}
          input: {type: object}
        """;

    private const string Mirror = """
        apiVersion: mesh/v1
        kind: Integration
        metadata: {tenant: TENANT, name: mirror}
        spec:
          http: {baseUrl: "http://127.0.0.1:PORT"}
          egress: ["127.0.0.1:PORT"]
          credential: {secret: mirror-key, inject: {header: Authorization, format: "Bearer {value}"}}

        """;

    private const string Reflection = """
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: TENANT, name: NAME}
        spec:
          integration: mirror
          class: [write]
          description: Answers with everything that it was sent.
          input: {type: object}
          http: {method: POST, path: "PATH", body: "{input}"}
          timeout: 10s

        """;

    private const string Desk = """
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: acme, name: desk.pay}
        spec:
          integration: payments
          class: [write]
          description: Pays, when somebody says so at once.
          input: {type: object, required: [order, amount_minor, currency]}
          http: {method: POST, path: "/v1/refunds", body: "{input}"}
          timeout: 10s
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: acme, name: desk.once}
        spec:
          integration: payments
          class: [write]
          description: Pays at once, and may not be sent again.
          input: {type: object, required: [order, amount_minor, currency]}
          http: {method: POST, path: "/v1/refunds", body: "{input}"}
          timeout: 10s
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: acme, name: desk.grade}
        spec:
          integration: mirror
          class: [write]
          description: Its forbid rule needs an attribute that a call may leave out.
          input: {type: object, properties: {score: {type: integer}}, additionalProperties: false}
          http: {method: POST, path: "/echo", body: "{input}"}
          timeout: 10s
        ---
        apiVersion: mesh/v1
        kind: PolicySet
        metadata: {tenant: acme, name: attack, version: 1}
        spec:
          mode: enforce
          rules:
            - {id: mirrors, effect: permit, when: {tool: [mirror.raw, mirror.base64, mirror.hex, mirror.url]}}
            - {id: brief-payments, effect: require_approval, approval: brief, when: {tool: [desk.pay]}}
            - {id: unrepeatable, effect: permit, when: {tool: [desk.once]}}
            - {id: grades, effect: permit, when: {tool: [desk.grade]}}
            - {id: no-high-grades, effect: forbid, when: {tool: [desk.grade], all: [{score: {gt: 5}}]}}
          approvals:
            - {id: brief, queue: brief, roles: [finance], quorum: 1, expiresAfter: 1s}

        """;

    private const string Others = """
        ---
        apiVersion: mesh/v1
        kind: PolicySet
        metadata: {tenant: globex, name: attack, version: 1}
        spec:
          mode: enforce
          rules:
            - {id: safes, effect: permit, when: {tool: [safe.open]}}
        ---
        apiVersion: mesh/v1
        kind: Webhook
        metadata: {tenant: globex, name: shop}
        spec: {scheme: standard-webhooks, secret: shop-signing-key, start: {workflow: probe, input: {}}}

        """;

    /// <summary>The tool that answers with what it was sent.</summary>
    public const string Raw = "mirror.raw";

    private static readonly string[] Encodings = ["base64", "hex", "url"];

    /// <summary>The manifests of each tenant, without the tenants themselves and without the sample's.</summary>
    public IReadOnlyDictionary<string, string> ByTenant => new Dictionary<string, string>
    {
        ["acme"] = Of(
            "acme",
            Mirror + Tool(Raw, "/echo") + string.Concat(Encodings.Select(encoding => Tool($"mirror.{encoding}", $"/echo?encode={encoding}"))) + Desk,
            "mirror.raw, mirror.base64, mirror.hex, mirror.url, desk.pay, desk.once, desk.grade, crm.get_order, payments.refund, mail.send"),
        ["globex"] = Of("globex", Mirror + Tool("safe.open", "/echo") + Others, "safe.open"),
        ["bare"] = Of("bare", Mirror.Replace("  credential: {secret: mirror-key, inject: {header: Authorization, format: \"Bearer {value}\"}}\n", "", StringComparison.Ordinal) + Tool("plain.call", "/echo"), "plain.call"),
    };

    public static string TenantOf(string tenant) => $"apiVersion: mesh/v1\nkind: Tenant\nmetadata: {{name: {tenant}}}\n";

    /// <summary>A tool of these manifests with its integration, as guards know them.</summary>
    public (NamedSpec Tool, NamedSpec Integration) SpecsOf(string tenant, string tool)
    {
        var documents = ManifestReader.Read("attack.yaml", ByTenant[tenant]).Documents;
        return (
            documents.Single(document => document.Kind == ManifestKind.Tool && document.Name == tool).NamedSpec,
            documents.Single(document => document.Kind == ManifestKind.Integration && document.Name == "mirror").NamedSpec);
    }

    private static string Tool(string name, string path) => Reflection.Replace("NAME", name, StringComparison.Ordinal).Replace("PATH", path, StringComparison.Ordinal);

    private string Of(string tenant, string text, string tools) => (text + Workflow)
        .Replace("TENANT", tenant, StringComparison.Ordinal)
        .Replace("TOOLS", tools, StringComparison.Ordinal)
        .Replace("PORT", shopPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
