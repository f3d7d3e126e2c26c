using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Measures = Opentelemetry.Proto.Collector.Metrics.V1;
using Traces = Opentelemetry.Proto.Collector.Trace.V1;

namespace EndToEnd.Tests.Tracing;

/// <summary>Takes what services export by OTLP over gRPC, as a collector would.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Inbox inbox = new();

    private OtlpReceiver()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
            server.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddRouting().AddSingleton(inbox).AddGrpc(grpc => grpc.MaxReceiveMessageSize = null);
        app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<TraceEndpoint>();
        app.MapGrpcService<MetricsEndpoint>();
    }

    /// <summary>Where services send to.</summary>
    public string Address => app.Urls.Single();

    /// <summary>All spans so far.</summary>
    public IReadOnlyList<ReceivedSpan> Spans => [.. inbox.Spans];

    /// <summary>All metrics so far, with their units.</summary>
    public IReadOnlyDictionary<string, string> Metrics => inbox.Metrics;

    /// <summary>Every byte that came, request by request.</summary>
    public IReadOnlyList<byte[]> Requests => [.. inbox.Requests];

    public static async Task<OtlpReceiver> StartAsync()
    {
        var receiver = new OtlpReceiver();
        await receiver.app.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private sealed class Inbox
    {
        public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();

        public ConcurrentQueue<byte[]> Requests { get; } = new();

        public ConcurrentDictionary<string, string> Metrics { get; } = new();
    }

    private sealed class TraceEndpoint(Inbox inbox) : Traces.TraceService.TraceServiceBase
    {
        public override Task<Traces.ExportTraceServiceResponse> Export(Traces.ExportTraceServiceRequest request, ServerCallContext context)
        {
            inbox.Requests.Enqueue(request.ToByteArray());

            foreach (var from in request.ResourceSpans)
            {
                var service = from.Resource.Attributes.Single(each => each.Key == "service.name").Value.StringValue;

                foreach (var span in from.ScopeSpans.SelectMany(scope => scope.Spans))
                {
                    inbox.Spans.Enqueue(ReceivedSpan.Of(service, span));
                }
            }

            return Task.FromResult(new Traces.ExportTraceServiceResponse());
        }
    }

    private sealed class MetricsEndpoint(Inbox inbox) : Measures.MetricsService.MetricsServiceBase
    {
        public override Task<Measures.ExportMetricsServiceResponse> Export(Measures.ExportMetricsServiceRequest request, ServerCallContext context)
        {
            inbox.Requests.Enqueue(request.ToByteArray());

            foreach (var metric in request.ResourceMetrics.SelectMany(from => from.ScopeMetrics).SelectMany(scope => scope.Metrics))
            {
                inbox.Metrics[metric.Name] = metric.Unit;
            }

            return Task.FromResult(new Measures.ExportMetricsServiceResponse());
        }
    }
}
