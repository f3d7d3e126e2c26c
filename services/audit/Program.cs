using Mesh.Audit;
using Mesh.Audit.Checkpoints;
using Mesh.Audit.Intake;
using Mesh.Audit.Proofs;
using Mesh.Audit.Schema;
using Mesh.Audit.Sequencing;
using Mesh.Bus;
using Mesh.ServiceHost;

var builder = WebApplication.CreateEmptyBuilder(new());

builder.AddMeshService<AuditOptions>("audit", args);    // identity, telemetry, health, deadlines, drain
builder.AddPeer<Mesh.Policy.V1.IdentityService.IdentityServiceClient>("policy", how => how.Deadline = TimeSpan.FromSeconds(5));
builder.AddAuditStore();                                // PostgreSQL, migrations, durable commits or no start
builder.AddSigning();                                   // receipts and checkpoints
builder.AddFacts();                                     // the bus

builder.Services.AddSingleton<AuditMetrics>();
builder.Services.AddSingleton<Sequencer>();
builder.Services.AddSingleton<AppendFlow>();
builder.Services.AddSingleton<ProofFlow>();
builder.Services.AddSingleton<AuditorCheck>();
builder.Services.AddHostedService<Upkeep>();

var app = builder.Build();

// Now, and not at the first append: a service without its key must not start.
app.Services.GetRequiredService<LogSigners>();

app.MapMeshService();
app.MapGrpcService<AppendEndpoint>();
app.MapGrpcService<LogEndpoint>();
app.MapGrpcService<DeadLetterEndpoint>();
await app.RunAsync();
