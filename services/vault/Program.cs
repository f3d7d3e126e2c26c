using Mesh.ServiceHost;
using Mesh.Vault;
using Mesh.Vault.Announcing;
using Mesh.Vault.Definitions;
using Mesh.Vault.Intake;
using Mesh.Vault.Leases;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;
using Mesh.Vault.Store;

var builder = WebApplication.CreateEmptyBuilder(new());

builder.AddMeshService<VaultOptions>("vault", args);
builder.AddPeer<Mesh.Policy.V1.IdentityService.IdentityServiceClient>("policy", how => how.Deadline = TimeSpan.FromSeconds(5));
builder.AddVaultStore();
builder.AddSeal();
builder.AddAnnouncing();

builder.Services.AddSingleton<SecretStore>();
builder.Services.AddSingleton<WebhookKeys>();
builder.Services.AddSingleton<DefinitionStore>();
builder.Services.AddSingleton<ManifestIntake>();
builder.Services.AddSingleton<LeaseStore>();
builder.Services.AddSingleton<LeaseMetrics>();
builder.Services.AddSingleton<FenceStore>();
builder.Services.AddSingleton<ReplayAlarm>();
builder.Services.AddSingleton<TicketCheck>();
builder.Services.AddSingleton<RedeemFlow>();
builder.Services.AddSingleton<PersonCheck>();
builder.Services.AddHostedService<LeaseSweep>();

var app = builder.Build();

app.MapMeshService();
app.MapGrpcService<LeaseEndpoint>();
app.MapGrpcService<SecretEndpoint>();
app.MapGrpcService<ManifestEndpoint>();
await app.RunAsync();
