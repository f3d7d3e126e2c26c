using Mesh.Bus;
using Mesh.Orchestrator;
using Mesh.Orchestrator.Intake;
using Mesh.ServiceHost;

var builder = WebApplication.CreateEmptyBuilder(new());

builder.AddMeshService<OrchestratorOptions>("orchestrator", args);    // identity, telemetry, health, deadlines, drain
builder.AddJournal();                                                 // PostgreSQL, group commit
builder.AddCatalog();                                                 // copies of manifests
builder.AddDecisions();                                               // policy, fails closed
builder.AddDispatch();                                                // audit, vault and tool runners
builder.AddOffering();                                                // agents and their claims
builder.AddWaiting();                                                 // approvals, settlements, the shared loop
builder.AddAnnouncing();                                              // outbox to the bus, watchers

var app = builder.Build();

app.MapMeshService();
app.MapGrpcService<WebhookEndpoint>();
app.MapGrpcService<WorkEndpoint>();
app.MapGrpcService<AssignmentEndpoint>();
app.MapGrpcService<TaskEndpoint>();
app.MapGrpcService<CatalogEndpoint>();
app.MapGrpcService<BundleEndpoint>();
app.MapGrpcService<ManifestEndpoint>();
app.MapGrpcService<DeadLetterEndpoint>();
await app.RunAsync();
