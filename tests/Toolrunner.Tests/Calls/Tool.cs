using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Mesh.Facts.V1;
using Mesh.Integrity;
using Mesh.Vault.V1;

namespace Mesh.Toolrunner.Tests.Calls;

/// <summary>A tool and its integration as a test wants them, and calls of it.</summary>
internal sealed record Tool(string BaseUrl, string Host)
{
    public const string Secret = "s3cret/+ \"q\\uote&key";

    public string Path { get; init; } = "/echo";

    public string Method { get; init; } = "POST";

    public string Class { get; init; } = "write";

    public string? Timeout { get; init; } = "5s";

    public int BytesMax { get; init; } = 65536;

    public string[] Redact { get; init; } = [];

    public JsonObject? Headers { get; init; }

    public bool HasSecret { get; init; } = true;

    public JsonObject? Reconcile { get; init; }

    public string? VaultBaseUrl { get; init; }

    public static Tool At(Target target) => new(target.BaseUrl, target.Host);

    public V1.RunCallRequest Call(VaultStand vault, string arguments, Action<V1.RunCallRequest>? change = null)
    {
        var request = new V1.RunCallRequest
        {
            Tenant = "acme",
            Workflow = "refunds",
            WorkflowVersion = "sha256:" + new string('a', 64),
            TaskId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)),
            Step = "call#0",
            Tool = "shop.echo",
            Integration = "shop",
            ToolSpec = Canonical(ToolSpec()),
            IntegrationSpec = Canonical(IntegrationSpec()),
            Arguments = ByteString.CopyFrom(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(arguments))),
            Dispatch = 1,
            Epoch = 1,
            Purpose = CallDispatched.Types.Purpose.Perform,
            Lease = vault.Issue(VaultBaseUrl ?? BaseUrl, Host, HasSecret ? Secret : null, new Injection { Header = new HeaderSlot { Name = "Authorization", Format = "Bearer {value}" } }),
            Decision = ByteString.CopyFromUtf8("decision"),
            Receipt = ByteString.CopyFromUtf8("receipt"),
        };
        change?.Invoke(request);
        return request;
    }

    private JsonObject ToolSpec()
    {
        var http = new JsonObject { ["method"] = Method, ["path"] = Path };

        if (Method == "POST")
        {
            http["body"] = "{input}";
        }

        if (Headers is not null)
        {
            http["headers"] = Headers.DeepClone();
        }

        var spec = new JsonObject
        {
            ["integration"] = "shop",
            ["class"] = new JsonArray(Class),
            ["description"] = "Echoes.",
            ["input"] = new JsonObject { ["type"] = "object" },
            ["http"] = http,
            ["repeat"] = new JsonObject { ["safe"] = true, ["key"] = new JsonObject { ["header"] = "Idempotency-Key" } },
            ["timeout"] = Timeout,
            ["output"] = new JsonObject { ["maxBytes"] = BytesMax, ["redact"] = new JsonArray([.. Redact.Select(name => (JsonNode)name)]) },
        };

        if (Reconcile is not null)
        {
            spec["reconcile"] = Reconcile.DeepClone();
        }

        return spec;
    }

    private JsonObject IntegrationSpec()
    {
        var spec = new JsonObject { ["http"] = new JsonObject { ["baseUrl"] = BaseUrl }, ["egress"] = new JsonArray(Host) };

        if (HasSecret)
        {
            spec["credential"] = new JsonObject
            {
                ["secret"] = "key",
                ["inject"] = new JsonObject { ["header"] = "Authorization", ["format"] = "Bearer {value}" },
            };
        }

        return spec;
    }

    private static ByteString Canonical(JsonObject spec) => ByteString.CopyFrom(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(spec.ToJsonString())));
}
