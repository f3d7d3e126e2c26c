using System.Diagnostics;

namespace Mesh.ServiceHost.Tests.Telemetry;

/// <summary>Not beside the tests that listen.</summary>
[Collection("Spans")]
public sealed class NobodyListensTests
{
    [Fact]
    public void A_span_that_nobody_listens_to_is_never_made_and_allocates_nothing()
    {
        var (tenant, task) = ("acme", Guid.NewGuid());
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        var traceparent = request.Id;
        Trace(10);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Trace(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Trace(int times)
        {
            for (var time = 0; time < times; time++)
            {
                using var one = MeshTraces.Start(MeshSemantics.StateStore).Of(tenant, task)?.SetTag(MeshSemantics.Tool, task.ToString());
                using var other = MeshTraces.StartIn(MeshSemantics.Orchestrator, traceparent).Of(tenant, task)?.SetTag(MeshSemantics.Tool, task.ToString());
                Assert.Null(one);
                Assert.Null(other);
            }
        }
    }
}
