using Grpc.Core;
using Mesh.Bus;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Waiting;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Orchestrator;

/// <summary>What the orchestrator is made of, stage by stage.</summary>
internal static class Composition
{
    public static void AddJournal(this WebApplicationBuilder builder)
    {
        builder.Services.AddStore<OrchestratorDb>(builder.RequirePostgres());
        builder.Services.AddSingleton<PendingSpans>();
        builder.Services.AddSingleton<RecentTasks>();
        builder.Services.AddSingleton<JournalWriter>();
        builder.Services.AddSingleton<JournalStore>();
        builder.Services.AddSingleton<ToolCallFlow>();
        builder.Services.AddSingleton<FinishFlow>();
        builder.AddReadiness("store", async (services, stop) =>
            await Migrator.IsCurrentAsync<OrchestratorDb>(services.GetRequiredService<NpgsqlDataSource>(), stop)
                ? null
                : "the schema is not the one that this version needs: run mesh db migrate");
        builder.RefuseOn<StoreBusyException>(busy =>
            new MeshError(StatusCode.ResourceExhausted, Reason.Overloaded, "Too much is waiting to be written; nothing was recorded.")
            {
                RetryAfter = busy.RetryAfter,
            });
        builder.RefuseOn<StoreUnavailableException>(_ => Refusals.StoreUnavailable());
    }

    public static void AddCatalog(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Catalog>();
        builder.Services.AddSingleton<CatalogWriter>();
    }

    public static void AddDecisions(this WebApplicationBuilder builder)
    {
        builder.AddPeer<Policy.V1.DecisionService.DecisionServiceClient>("policy");
        builder.Services.AddSingleton<PolicyGate>();
        builder.Services.AddSingleton<TaskStarter>();
        builder.Services.AddSingleton<WebhookReader>();
    }

    public static void AddDispatch(this WebApplicationBuilder builder)
    {
        builder.AddPeer<Audit.V1.AppendService.AppendServiceClient>("audit");
        builder.AddPeer<Vault.V1.LeaseService.LeaseServiceClient>("vault");
        builder.AddPeer<Toolrunner.V1.RunnerService.RunnerServiceClient>("toolrunner");
        builder.Services.AddSingleton(services => new RunnerAddresses(
            address => services.GetRequiredService<PeerChannels>().OpenTo("toolrunner", address)));
        builder.Services.AddSingleton<ToolDispatcher>();
        builder.Services.AddSingleton<CallsUnderWay>();
    }

    public static void AddOffering(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<WorkOffers>();
        builder.Services.AddSingleton<WorkItems>();
        builder.Services.AddSingleton<ClaimKeeper>();
        builder.Services.AddSingleton<Assignments>();
        builder.Services.AddHostedService<WorkPump>();
    }

    public static void AddWaiting(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Settlements>();
        builder.Services.AddSingleton<OpenCalls>();
        builder.Services.AddSingleton<TaskEnder>();
        builder.Services.AddSingleton<Trim>();
        builder.Services.AddHostedService<SharedLoop>();
        builder.Services.AddHostedService<TaskGauges>();
        builder.Services.AddMessageHandler<ApprovalDecisions>();
    }

    public static void AddAnnouncing(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<TaskSignals>();
        builder.Services.AddSingleton<TaskReader>();
        builder.Services.AddReplicaHints("orchestrator");
        builder.Services.AddHostedService<OtherReplicas>();
        builder.AddBus();

        // Ingress can reach a broker, and not the tables of the embedded bus.
        if (builder.MeshOptions().Bus == BusTransport.Rabbitmq)
        {
            builder.Services.AddMessageHandler<QueuedWebhooks>();
        }

        builder.Services.AddOutboxRelay();
    }
}
