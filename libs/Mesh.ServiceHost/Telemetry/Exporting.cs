using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mesh.ServiceHost;

/// <summary>Sends traces and metrics by OTLP when a standard OTEL_ variable names an endpoint, and costs nothing otherwise.</summary>
internal static class Exporting
{
    private static readonly string[] Endpoints =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    public static void AddTo(IHostApplicationBuilder builder, string service, string version)
    {
        if (!Endpoints.Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name))))
        {
            return;
        }

        // OpenTelemetry reads its variables from the configuration, which is empty otherwise.
        builder.Configuration.AddEnvironmentVariables();
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service, "mesh", version))
            .WithTracing(traces => traces.AddSource(MeshSemantics.Source, "System.Net.Http").AddAspNetCoreInstrumentation().AddNpgsql())
            .WithMetrics(metrics => metrics.AddMeter(MeshSemantics.Meter, "Npgsql", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Hosting"))
            .UseOtlpExporter();
    }
}
