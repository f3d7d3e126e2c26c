using System.Text.RegularExpressions;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Schema;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the spec of a Workflow.</summary>
internal static partial class WorkflowReader
{
    public static readonly TaskLimits Defaults = new(1_000, TimeSpan.FromDays(7), 5);

    public static readonly TimeSpan DurationMax = TimeSpan.FromDays(90);

    public static WorkflowManifest? Read(Fields spec)
    {
        var tools = spec.Texts("tools", 0, 256, isRequired: true, NameErrors.InTool);
        var agent = spec.RequiredMap("agent") is { } fields ? ReadAgent(fields) : null;
        var input = SchemaReader.Read(spec, "input", isRequired: false);
        var limits = ReadLimits(spec.OptionalMap("limits"));
        spec.NotYet("placement", "retention", "labels");
        spec.Close();
        return agent is null ? null : new WorkflowManifest(tools, agent, input ?? JsonSchema.Anything, limits);
    }

    public static bool IsDigest(string text) => Digest().IsMatch(text);

    private static AgentProcess? ReadAgent(Fields agent)
    {
        agent.NotYet("connect", "prompt");
        var process = agent.RequiredMap("process");
        agent.Close();

        if (process is null)
        {
            return null;
        }

        var command = new List<string>();

        foreach (var (node, at) in process.Items("command", 1, 64, isRequired: true))
        {
            // The same argument may well be given twice.
            if (process.TextOf(node, at, 1024) is { } word)
            {
                command.Add(word);
            }
        }

        var directory = process.OptionalText("directory", 1024);
        var bundle = process.OptionalText("bundle", 128);

        if (process.Has("directory") == process.Has("bundle"))
        {
            process.Findings.Add(process.Map, process.Path, "must name exactly one of directory and bundle");
        }

        if (bundle is not null && !IsDigest(bundle))
        {
            process.Refuse("bundle", "must be sha256: and 64 lower-case hex digits");
        }

        process.NotYet("environment", "env", "limits", "files");
        process.Close();
        return new AgentProcess(command, directory, bundle);
    }

    private static TaskLimits ReadLimits(Fields? fields)
    {
        if (fields is null)
        {
            return Defaults;
        }

        var steps = fields.OptionalWhole("steps", 1, 100_000) ?? Defaults.Steps;
        var duration = fields.OptionalDuration("duration", DurationMax) ?? Defaults.Duration;
        var attempts = fields.OptionalWhole("attempts", 1, 100) ?? Defaults.Attempts;
        fields.NotYet("tokens", "concurrency");
        fields.Close();
        return new TaskLimits((int)steps, duration, (int)attempts);
    }

    [GeneratedRegex(@"\Asha256:[0-9a-f]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Digest();
}
