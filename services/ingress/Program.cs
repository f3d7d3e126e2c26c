using Mesh.Ingress;
using Mesh.ServiceHost;

var builder = WebApplication.CreateEmptyBuilder(new());

builder.AddMeshService<IngressOptions>("ingress", args);    // identity, telemetry, health, deadlines, drain
builder.AddIngress();                                       // doors, bounds, identity, forwarding, webhooks, applying

var app = builder.Build();

app.MapMeshService();
app.MapAdmission();
await app.RunAsync();
