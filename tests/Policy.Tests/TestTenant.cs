using System.Text;
using Google.Protobuf;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Policy.Versions;

namespace Mesh.Policy.Tests;

/// <summary>A tenant of a test's own, with the refund sample's tools and whatever policy the test gives it.</summary>
internal sealed class TestTenant
{
    public const string Workflow = "refund-request";

    public const string Refund = "payments.refund";

    private readonly PolicyNode node;
    private readonly Dictionary<string, ContentDigest> tools;

    private TestTenant(PolicyNode node, string name, ContentDigest version, Dictionary<string, ContentDigest> tools)
    {
        this.node = node;
        this.tools = tools;
        Name = name;
        Version = version;
    }

    public string Name { get; }

    public ContentDigest Version { get; }

    public ContentDigest DigestOf(string tool) => tools[tool];

    public static string NewName() => "t" + Guid.NewGuid().ToString("N")[..12];

    /// <summary>Declares a tenant. <paramref name="policy"/> is the spec of its policy set; empty for none.</summary>
    public static async Task<TestTenant> CreateAsync(PolicyNode node, string policy = "", string? name = null)
    {
        name ??= NewName();
        var documents = Definitions(name);
        await node.Manifests(node.AdminToken).ApplyManifestsAsync(Wired(documents));
        var catalog = new TenantCatalog(name, documents);
        var tenant = new TestTenant(
            node,
            name,
            catalog.Workflows().Single().Version,
            catalog.Tools().ToDictionary(t => t.Tool.Name, t => t.Digest, StringComparer.Ordinal));

        if (policy.Length > 0)
        {
            await tenant.ActivateAsync(policy);
        }

        return tenant;
    }

    /// <summary>Activates a policy set by its spec.</summary>
    public async Task<Manifests.V1.ApplyManifestsResponse> ActivateAsync(string spec, string set = "main", int version = 1, bool validateOnly = false, string? token = null) =>
        await node.Manifests(token ?? node.AdminToken).ApplyManifestsAsync(Wired([PolicySet(Name, spec, set, version)], validateOnly));

    public static ManifestDocument PolicySet(string tenant, string spec, string set = "main", int version = 1)
    {
        var yaml = new StringBuilder($"apiVersion: mesh/v1\nkind: PolicySet\nmetadata: {{tenant: {tenant}, name: {set}, version: {version}}}\nspec:\n  mode: enforce\n");

        foreach (var line in spec.Split('\n'))
        {
            yaml.Append("  ").Append(line).Append('\n');
        }

        return Read(yaml.ToString()).Single();
    }

    public static IReadOnlyList<ManifestDocument> Read(string yaml)
    {
        var reading = ManifestReader.Read("test.yaml", yaml);
        Assert.Empty(reading.Errors);
        return reading.Documents;
    }

    public static Manifests.V1.ApplyManifestsRequest Wired(IEnumerable<ManifestDocument> documents, bool validateOnly = false) => new()
    {
        ValidateOnly = validateOnly,
        Documents =
        {
            documents.Select(d => new Manifests.V1.ManifestDocument
            {
                Kind = d.Kind.ToString(),
                Tenant = d.Kind == ManifestKind.Tenant ? "" : d.Tenant,
                Name = d.Name,
                Canonical = ByteString.CopyFrom(d.Canonical.Span),
                Source = "test.yaml:1",
            }),
        },
    };

    public V1.DecideRequest Ask(string tool, string arguments, string step = "tool#1", int dispatch = 1, string initiator = "person:ines", Guid? task = null) => new()
    {
        Tenant = Name,
        Workflow = Workflow,
        WorkflowVersion = Version.ToString(),
        TaskId = ByteString.CopyFrom((task ?? Guid.CreateVersion7()).ToByteArray(bigEndian: true)),
        Step = step,
        Tool = tool,
        ToolDigest = tools.GetValueOrDefault(tool, tools[Refund]).ToString(),
        Arguments = ByteString.CopyFrom(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(arguments))),
        Dispatch = dispatch,
        Epoch = 7,
        Initiator = initiator,
    };

    public V1.DecideRequest AskRefund(int amount, string order = "o-1", string? memo = null, int dispatch = 1, Guid? task = null, string initiator = "person:ines", string currency = "EUR") => Ask(
        Refund,
        $$"""{"order":"{{order}}","amount_minor":{{amount}},"currency":"{{currency}}"{{(memo is null ? "" : $",\"memo\":\"{memo}\"")}}}""",
        dispatch: dispatch,
        task: task,
        initiator: initiator);

    public V1.AdmitRequest AskStart(string input = "{}", string initiator = "person:ines") => new()
    {
        Tenant = Name,
        Workflow = Workflow,
        WorkflowVersion = Version.ToString(),
        Initiator = initiator,
        Input = ByteString.CopyFromUtf8(input),
    };

    /// <summary>A person of this tenant in a group, by token.</summary>
    public async Task<string> ApproverAsync(string person, string group = "finance")
    {
        var token = await node.TokenOfAsync(person, (Name, "approver"));
        await node.Access(node.AdminToken).AddGroupMemberAsync(new V1.AddGroupMemberRequest { Tenant = Name, Group = group, Principal = person });
        return token;
    }

    public static IReadOnlyList<ManifestDocument> Definitions(string tenant) =>
    [
        .. Read($$$"""
            apiVersion: mesh/v1
            kind: Tenant
            metadata: {name: {{{tenant}}} }
            ---
            apiVersion: mesh/v1
            kind: Integration
            metadata: {tenant: {{{tenant}}}, name: payments}
            spec:
              http: {baseUrl: "http://127.0.0.1:7390"}
              egress: ["127.0.0.1:7390"]
              credential: {secret: payments-key, inject: {header: Authorization, format: "Bearer {value}"}}
            ---
            apiVersion: mesh/v1
            kind: Tool
            metadata: {tenant: {{{tenant}}}, name: crm.get_order}
            spec:
              integration: payments
              class: [read]
              description: Read an order.
              input: {type: object, required: [order], properties: {order: {type: string, maxLength: 64}}, additionalProperties: false}
              http: {method: GET, path: "/v1/orders/{input.order}"}
            ---
            apiVersion: mesh/v1
            kind: Tool
            metadata: {tenant: {{{tenant}}}, name: payments.refund}
            spec:
              integration: payments
              class: [financial]
              description: Refund an order, fully or in part.
              input:
                type: object
                required: [order, amount_minor, currency]
                properties:
                  order: {type: string, maxLength: 64}
                  amount_minor: {type: integer, minimum: 1}
                  currency: {type: string, enum: [EUR, USD]}
                  memo: {type: string}
                additionalProperties: false
              http: {method: POST, path: "/v1/refunds", body: "{input}"}
            """),
        Read($$$"""
            apiVersion: mesh/v1
            kind: Workflow
            metadata: {tenant: {{{tenant}}}, name: {{{Workflow}}} }
            spec:
              tools: [crm.get_order, payments.refund]
              agent: {process: {command: [dotnet, Agent.dll], directory: ./agent}}
              input: {type: object}
            """).Single().WithBundle(ContentDigest.Of("bundle"u8)),
    ];
}
