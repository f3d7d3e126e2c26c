using System.Diagnostics;
using OpenTelemetry;

namespace Mesh.ServiceHost;

/// <summary>Keeps statements that nobody asked for out of what is exported: a service that looks by the clock would be a trace each time.</summary>
internal sealed class PollFilter : BaseProcessor<Activity>
{
    /// <inheritdoc />
    public override void OnEnd(Activity data)
    {
        if (data.ParentSpanId == default && data.Source.Name == "Npgsql")
        {
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
    }
}
