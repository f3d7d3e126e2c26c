using System.Diagnostics;
using Mesh.Bus;
using Mesh.Ingress.Applying;
using Mesh.Ingress.Bounds;
using Mesh.Ingress.Forwarding;
using Mesh.Ingress.Identity;
using Mesh.Ingress.Webhooks;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.Ingress;

/// <summary>What ingress is made of, stage by stage.</summary>
internal static class Composition
{
    public static void AddIngress(this WebApplicationBuilder builder)
    {
        builder.AddDoors();         // the two listeners that strangers reach
        builder.AddBounds();        // sizes, times, rates
        builder.AddIdentity();      // policy, asked who is calling
        builder.AddForwarding();    // the public API, at its owners
        builder.AddWebhooks();      // the vault's keys, the orchestrator's intake, the broker where there is one
        builder.AddApplying();      // manifests, to every service that keeps a copy
    }

    private static void AddDoors(this WebApplicationBuilder builder)
    {
        var options = builder.MeshOptions<IngressOptions>();
        builder.Services.AddSingleton<DistributedContextPropagator>(new TracePropagator(isOpen: true));

        // Bodies are bounded and read before gRPC sees them, so it cannot lift the server's limit, and need not.
        builder.Logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.Error);

        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Limits.MaxConcurrentConnections = 10_000;
            server.Limits.MaxRequestBodySize = BodyLimits.JsonBytesMax + 1;
            server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            server.Listen(options.Http, listener => Open(listener, HttpProtocols.Http1));
            server.Listen(options.Grpc, listener => Open(listener, HttpProtocols.Http2));
        });

        static void Open(ListenOptions listener, HttpProtocols protocols)
        {
            listener.Protocols = protocols;
            CallerIdentity.Public.AttachTo(listener);
        }
    }

    private static void AddBounds(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<InFlight>();
        builder.Services.AddSingleton<PrincipalRates>();
        builder.Services.AddSingleton<BodyReader>();
        builder.Services.AddSingleton<RequestBodies>();
    }

    private static void AddIdentity(this WebApplicationBuilder builder)
    {
        builder.AddPeer<Policy.V1.IdentityService.IdentityServiceClient>("policy", how =>
        {
            how.Deadline = TimeSpan.FromSeconds(5);
            how.RetrySafe.Add("/mesh.policy.v1.IdentityService/Authenticate");
        });
        builder.Services.AddSingleton<TokenCheck>();
    }

    private static void AddForwarding(this WebApplicationBuilder builder)
    {
        // It writes three lines for every call, one of them a warning. What fails on the way is PeerForwarder's to tell, once.
        builder.Logging.AddFilter("Yarp", LogLevel.Error);
        builder.Services.AddHttpForwarder();
        builder.Services.AddSingleton(RouteTable.Build());
        builder.Services.AddSingleton<PeerPools>();
        builder.Services.AddSingleton<PeerForwarder>();

        // Named here only so that a missing address stops the start and not the first caller.
        builder.AddPeer<Audit.V1.LogService.LogServiceClient>("audit");
    }

    private static void AddWebhooks(this WebApplicationBuilder builder)
    {
        builder.AddPeer<Vault.V1.LeaseService.LeaseServiceClient>("vault", how =>
        {
            how.Deadline = TimeSpan.FromSeconds(5);
            how.RetrySafe.Add("/mesh.vault.v1.LeaseService/GetVerificationKeys");
        });
        builder.AddPeer<Orchestrator.V1.IntakeService.IntakeServiceClient>("orchestrator", how =>
            how.RetrySafe.Add("/mesh.orchestrator.v1.IntakeService/SubmitWebhook"));
        builder.AddBusSender();
        builder.Services.AddSingleton<DeliveryQueue>();
        builder.Services.AddSingleton<WebhookKeyring>();
        builder.Services.AddSingleton<WebhookRejections>();
        builder.Services.AddSingleton<WebhookFlow>();
    }

    private static void AddApplying(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ManifestOwners>();
    }

    public static void MapAdmission(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<LimitGauges>();
        app.Services.GetRequiredService<InFlight>().Show(limits);
        app.Services.GetRequiredService<PrincipalRates>().Show(limits);

        // Everything from outside passes it; what it hands on is a method that ingress serves itself.
        app.UseMiddleware<AdmissionFlow>();
        app.MapGrpcService<ManifestEndpoint>();
        app.MapGrpcService<DeadLetters.DeadLetterEndpoint>();
    }
}
