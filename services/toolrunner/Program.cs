using Mesh.ServiceHost;
using Mesh.Toolrunner;
using Mesh.Toolrunner.Agents;
using Mesh.Toolrunner.Custody;
using Mesh.Toolrunner.Egress;
using Mesh.Toolrunner.Intake;
using Mesh.Toolrunner.Kinds;
using Mesh.Toolrunner.Output;

// The starter of agents is this program too. It comes first, before anything of the web host is loaded.
return args switch
{
    [Launch.Verb] => Launch.Run(),
    [Scratch.SweepVerb, var data] => await Scratch.SweepAsync(data),
    _ => await ServeAsync(args),
};

static async Task<int> ServeAsync(string[] args)
{
    // Whoever started the runner may be stricter, but other users must get to their bundles and folders.
    // What is nobody else's business says so when it is made.
    _ = Libc.umask(0x12);

    var builder = WebApplication.CreateEmptyBuilder(new());

    builder.AddMeshService<RunnerOptions>("toolrunner", args);
    builder.AddPeer<Mesh.Vault.V1.LeaseService.LeaseServiceClient>("vault");
    builder.AddAgents();

    builder.Services.AddSingleton<RunnerIdentity>();
    builder.Services.AddSingleton<Definitions>();
    builder.Services.AddSingleton<Redeemer>();
    builder.Services.AddSingleton(services => new TargetConnections(services.GetRequiredService<RunnerOptions>()));
    builder.Services.AddSingleton<HttpTool>();
    builder.Services.AddSingleton<ResultStore>();
    builder.Services.AddSingleton<RunFlow>();

    var app = builder.Build();

    app.Services.GetRequiredService<ResultStore>().Show(app.Services.GetRequiredService<LimitGauges>());
    app.MapMeshService();
    app.UseMiddleware<StrictJsonBody>();
    app.MapGrpcService<RunnerEndpoint>();
    app.MapGrpcService<AgentEndpoint>();
    await app.RunAsync();
    return 0;
}
