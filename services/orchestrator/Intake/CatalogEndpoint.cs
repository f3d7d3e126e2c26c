using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Manifests;
using Mesh.Orchestrator.Journal;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Orchestrator.Intake;

/// <summary>What is declared, for people.</summary>
internal sealed class CatalogEndpoint(JournalStore store) : V1.CatalogService.CatalogServiceBase
{
    private const string Columns = """
        m.tenant_id, m.kind, m.name, m.digest, m.canonical, m.applied_at, m.applied_by,
        (select c.version from orchestrator.workflow_current c
         where c.tenant_id = m.tenant_id and m.kind = 'Workflow' and c.workflow = m.name)
        """;

    private static readonly string[] Kinds = System.Enum.GetNames<ManifestKind>();

    public override async Task<V1.GetManifestResponse> GetManifest(V1.GetManifestRequest request, ServerCallContext context)
    {
        RequireReader(context, request.Tenant);
        await using var command = store.Command(
            $"select {Columns} from orchestrator.manifest m where m.tenant_id = $1 and lower(m.kind) = lower($2) and m.name = $3",
            request.Tenant,
            request.Kind,
            request.Name);
        await using var rows = await command.ExecuteReaderAsync(context.CancellationToken);

        return await rows.ReadAsync(context.CancellationToken)
            ? new V1.GetManifestResponse { Manifest = Read(rows) }
            : throw Refusals.NotFound(Reason.ManifestNotFound, $"There is no {request.Kind} {request.Name} in the tenant {request.Tenant}.");
    }

    public override async Task<V1.ListManifestsResponse> ListManifests(V1.ListManifestsRequest request, ServerCallContext context)
    {
        RequireReader(context, request.Tenant);

        if (request.Kind.Length > 0 && !Kinds.Contains(request.Kind, StringComparer.OrdinalIgnoreCase))
        {
            throw Refusals.Invalid("kind", $"must be one of {string.Join(", ", Kinds)}");
        }

        var size = PageSize.Read(request.PageSize, 50, 1_000);
        await using var command = store.Command(
            $"""
            select {Columns} from orchestrator.manifest m
            where m.tenant_id = $1 and ($2 = '' or lower(m.kind) = lower($2)) and m.kind || '/' || m.name > $3
            order by m.kind || '/' || m.name limit $4
            """,
            request.Tenant,
            request.Kind,
            ReadToken(request.PageToken),
            size);
        await using var rows = await command.ExecuteReaderAsync(context.CancellationToken);
        var response = new V1.ListManifestsResponse();

        while (await rows.ReadAsync(context.CancellationToken))
        {
            response.Manifests.Add(Read(rows));
        }

        if (response.Manifests.Count == size)
        {
            var last = response.Manifests[^1];
            response.NextPageToken = $"{last.Kind}/{last.Name}";
        }

        return response;
    }

    public override async Task<V1.ListTenantsResponse> ListTenants(V1.ListTenantsRequest request, ServerCallContext context)
    {
        var principal = context.Principal();
        await using var command = store.Command("select m.name from orchestrator.manifest m where m.kind = 'Tenant' order by m.name");
        await using var rows = await command.ExecuteReaderAsync(context.CancellationToken);
        var response = new V1.ListTenantsResponse();

        while (await rows.ReadAsync(context.CancellationToken))
        {
            if (principal.CanSee(rows.GetString(0)))
            {
                response.Tenants.Add(rows.GetString(0));
            }
        }

        return response;
    }

    // The last one of the page before: its kind and its name.
    private static string ReadToken(string token) => token.Split('/') switch
    {
        [""] => "",
        [var kind, var name] when System.Enum.TryParse<ManifestKind>(kind, out _) && (Names.IsName(name) || Names.IsToolName(name)) => token,
        _ => throw Refusals.PageTokenInvalid(),
    };

    private static void RequireReader(ServerCallContext context, string tenant) =>
        context.RequireRole(tenant, Role.Viewer, Role.Operator, Role.Approver, Role.Auditor, Role.PolicyAdmin, Role.VaultAdmin);

    private static V1.Manifest Read(NpgsqlDataReader rows)
    {
        var canonical = System.Text.Encoding.UTF8.GetString(rows.GetFieldValue<byte[]>(4));

        return new V1.Manifest
        {
            Tenant = rows.GetString(0),
            Kind = rows.GetString(1),
            Name = rows.GetString(2),
            Digest = rows.GetString(3),
            Canonical = canonical,
            Document = JsonParser.Default.Parse<Struct>(canonical),
            AppliedAt = rows.GetFieldValue<DateTimeOffset>(5).ToTimestamp(),
            AppliedBy = rows.GetString(6),
            WorkflowVersion = rows.IsDBNull(7) ? "" : rows.GetString(7),
        };
    }
}
