using System.Buffers;
using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mesh.ServiceHost;

/// <summary>Writes the log as one JSON object per line on standard output.</summary>
internal sealed class JsonLines(string service, string version, TimeProvider clock) : ILoggerProvider
{
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Stream output = Console.OpenStandardOutput();
    private readonly Lock writing = new();
    private readonly ArrayBufferWriter<byte> buffer = new(1024);

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose() => output.Flush();

    private void Write<TState>(LogLevel level, EventId id, TState state, Exception? thrown, Func<TState, Exception?, string> formatter)
    {
        lock (writing)
        {
            buffer.ResetWrittenCount();

            using (var json = new Utf8JsonWriter(buffer, Writing))
            {
                json.WriteStartObject();
                json.WriteString("time", clock.GetUtcNow());
                json.WriteString("level", LevelName(level));
                json.WriteString("service", service);
                json.WriteString("version", version);
                json.WriteString("msg", formatter(state, thrown));
                json.WriteNumber("event_id", id.Id);

                if (Activity.Current is { } activity)
                {
                    json.WriteString("trace_id", activity.TraceId.ToHexString());
                    json.WriteString("span_id", activity.SpanId.ToHexString());
                }

                if (state is IReadOnlyList<KeyValuePair<string, object?>> fields)
                {
                    WriteFields(json, fields);
                }

                if (thrown is not null)
                {
                    json.WriteString("exception", thrown.ToString());
                }

                json.WriteEndObject();
            }

            buffer.Write("\n"u8);

            try
            {
                output.Write(buffer.WrittenSpan);
                output.Flush();
            }
            catch (IOException)
            {
                // Nobody reads the log any more. That is no reason to stop working.
            }
        }
    }

    private static void WriteFields(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> fields)
    {
        foreach (var (name, value) in fields)
        {
            json.WriteString(name == "{OriginalFormat}" ? "template" : JsonNamingPolicy.SnakeCaseLower.ConvertName(name), value?.ToString());
        }
    }

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private sealed class Logger(JsonLines lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Write(logLevel, eventId, state, exception, formatter);
    }
}
