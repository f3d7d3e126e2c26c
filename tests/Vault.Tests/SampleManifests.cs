using Mesh.Integrity;
using Mesh.Manifests;

namespace Mesh.Vault.Tests;

/// <summary>The manifests that the tests use: a tool that moves money with a secret, and one that needs none.</summary>
internal static class SampleManifests
{
    public const string Tool = "payments.refund";
    public const string OpenTool = "weather.read";
    public const string Workflow = "refund-request";
    public const string Webhook = "shop";

    public static IReadOnlyList<ManifestDocument> Of(string tenant, string baseUrl = "http://127.0.0.1:7390", string secret = "payments-key", string scheme = "standard-webhooks") => Read(
        $$"""
        apiVersion: mesh/v1
        kind: Tenant
        metadata: {name: {{tenant}}}
        ---
        apiVersion: mesh/v1
        kind: Integration
        metadata: {tenant: {{tenant}}, name: payments}
        spec:
          http: {baseUrl: "{{baseUrl}}"}
          egress: ["{{new Uri(baseUrl).Authority}}"]
          credential:
            secret: {{secret}}
            inject: {header: Authorization, format: "Bearer {value}"}
        ---
        apiVersion: mesh/v1
        kind: Integration
        metadata: {tenant: {{tenant}}, name: weather}
        spec:
          http: {baseUrl: "http://127.0.0.1:7391"}
          egress: ["127.0.0.1:7391"]
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: {{tenant}}, name: payments.refund}
        spec:
          integration: payments
          class: [financial]
          description: Refund an order.
          input: {type: object}
          http: {method: POST, path: "/v1/refunds", body: "{input}"}
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: {{tenant}}, name: payments.void}
        spec:
          integration: payments
          class: [financial]
          description: Not granted to the workflow.
          input: {type: object}
          http: {method: POST, path: "/v1/voids", body: "{input}"}
        ---
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: {{tenant}}, name: weather.read}
        spec:
          integration: weather
          class: [read]
          description: Needs no secret.
          input: {type: object}
          http: {method: GET, path: "/v1/weather"}
        ---
        apiVersion: mesh/v1
        kind: Workflow
        metadata: {tenant: {{tenant}}, name: refund-request}
        spec:
          tools: [payments.refund, weather.read]
          agent:
            process: {command: [dotnet, Agent.dll], bundle: "{{ContentDigest.Of("bundle"u8)}}"}
        ---
        apiVersion: mesh/v1
        kind: Webhook
        metadata: {tenant: {{tenant}}, name: shop}
        spec:
          scheme: {{scheme}}
          secret: shop-signing-key
          start: {workflow: refund-request}
        """);

    public static IReadOnlyList<ManifestDocument> Read(string yaml)
    {
        var reading = ManifestReader.Read("sample.yaml", yaml);
        return reading.IsValid ? reading.Documents : throw new FormatException(string.Join('\n', reading.Errors));
    }
}
