using Mesh.Bus;
using Mesh.Policy;
using Mesh.Policy.Access;
using Mesh.Policy.Announcing;
using Mesh.Policy.Approvals;
using Mesh.Policy.Intake;
using Mesh.Policy.Limits;
using Mesh.Policy.Versions;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

var builder = WebApplication.CreateEmptyBuilder(new());

builder.AddMeshService<PolicyOptions>("policy", args);
builder.Services.AddStore<PolicyDbContext>(builder.RequirePostgres());
builder.AddBus();
builder.Services.AddOutboxRelay();
builder.Services.AddMessageHandler<CallOutcomes>();
builder.AddReadiness("store", static async (provider, stop) =>
    await Migrator.IsCurrentAsync<PolicyDbContext>(provider.GetRequiredService<NpgsqlDataSource>(), stop) ? null : "migrations are missing");
builder.AddReadiness("policies", static (provider, _) => ValueTask.FromResult(
    provider.GetRequiredService<ActivePolicies>().IsFresh ? null : "cannot see whether a policy was replaced"));
builder.RefuseOn<StoreUnavailableException>(static _ => Refusals.StoreUnavailable());

builder.Services.AddSingleton<PrincipalStore>();
builder.Services.AddSingleton<AccessLedger>();
builder.Services.AddSingleton<Caller>();
builder.Services.AddSingleton<DefinitionStore>();
builder.Services.AddSingleton<ActivePolicies>();
builder.Services.AddSingleton<ManifestLedger>();
builder.Services.AddSingleton<ApprovalStore>();
builder.Services.AddSingleton<ApprovalDesk>();
builder.Services.AddSingleton<Settlement>();
builder.Services.AddSingleton<DecisionSigner>();
builder.Services.AddSingleton<PolicyMetrics>();
builder.Services.AddSingleton<DecisionFlow>();
builder.Services.AddHostedService<Bootstrap>();
builder.Services.AddReplicaHints(PolicyDbContext.Name);
builder.Services.AddHostedService<ActivationWatch>();
builder.Services.AddHostedService<Upkeep>();
builder.Services.AddHostedService<ApprovalGauges>();

var app = builder.Build();

app.MapMeshService();
app.MapGrpcService<DecisionEndpoint>();
app.MapGrpcService<IdentityEndpoint>();
app.MapGrpcService<AccessEndpoint>();
app.MapGrpcService<ApprovalEndpoint>();
app.MapGrpcService<ManifestEndpoint>();
app.MapGrpcService<DeadLetterEndpoint>();
await app.RunAsync();
