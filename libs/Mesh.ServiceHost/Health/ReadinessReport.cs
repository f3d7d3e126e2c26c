using System.Collections.Immutable;
using System.Text.Json;

namespace Mesh.ServiceHost;

/// <summary>What the checks said, as <c>/readyz</c> prints it.</summary>
internal sealed record ReadinessReport(ImmutableArray<ReadinessReport.Line> Lines, DateTimeOffset At)
{
    public bool IsReady => Lines.All(line => line.Trouble is null);

    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();

        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("status", IsReady ? "ready" : "not ready");
            json.WriteStartObject("checks");

            foreach (var line in Lines)
            {
                json.WriteStartObject(line.Name);
                json.WriteBoolean("ok", line.Trouble is null);
                json.WriteNumber("ms", Math.Round(line.Milliseconds, 1));

                if (line.Trouble is not null)
                {
                    json.WriteString("error", line.Trouble);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    internal sealed record Line(string Name, string? Trouble, double Milliseconds);
}
