using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mesh.ServiceHost;

/// <summary>Sends traces and metrics by OTLP when a standard OTEL_ variable names an endpoint, and costs nothing otherwise.</summary>
internal static class Exporting
{
    private static readonly string[] Endpoints =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    // The libraries below do not know this one, and name what they show themselves; a test compares.
    private static readonly string[] Sources = [MeshSemantics.Meter, "Mesh.Bus", "Grpc.Net.Client", "System.Net.Http"];
    private static readonly string[] Meters =
        [MeshSemantics.Meter, MeshSemantics.RuntimeMeter, "Mesh.Postgres", "Npgsql", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Hosting"];

    public static void AddTo(IHostApplicationBuilder builder, string service, string version)
    {
        if (!Endpoints.Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name))))
        {
            return;
        }

        // OpenTelemetry reads its variables from the configuration, which is empty otherwise.
        builder.Configuration.AddEnvironmentVariables();

        // The trace goes from service to service, and nothing else that a caller might send along with it.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service, "mesh", version))
            .WithTracing(traces => traces.AddSource(Sources).AddAspNetCoreInstrumentation(Describe).AddNpgsql().AddProcessor<PollFilter>())
            .WithMetrics(metrics => metrics.AddMeter(Meters))
            .UseOtlpExporter();
    }

    private static void Describe(AspNetCoreTraceInstrumentationOptions requests)
    {
        requests.Filter = context => !HealthListener.Serves(context);

        // Whatever a stranger writes into a path or names itself is not for us to keep. The route says which door it was.
        requests.EnrichWithHttpRequest = (span, _) => span.SetTag("url.path", null).SetTag("url.query", null).SetTag("user_agent.original", null);
    }
}
