using System.Text;
using System.Text.Json;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Templates;
using Mesh.Toolrunner.Custody;

namespace Mesh.Toolrunner.Kinds;

/// <summary>Fills the templates of an HTTP tool with the arguments. A value stays in its place or refuses the call.</summary>
internal static class HttpTemplates
{
    public static Preparation Fill(ToolDefinition definition, ToolCall call, ActionDigest action)
    {
        var values = new TemplateValues { Input = JsonElement.Parse(call.Arguments.Span), IdempotencyKey = action.ToString() };

        if (!call.IsProbe)
        {
            return FillCall(definition.Tool, values);
        }

        return definition.Tool.Reconcile is { } probe
            ? FillProbe(probe, values)
            : new Preparation.Refused(Reason.Unsupported, "The tool declares no probe.");
    }

    private static Preparation FillProbe(ReconcileProbe probe, TemplateValues values)
    {
        var path = probe.Path.Fill(values);
        return path.IsFilled ? new Preparation.Ready(new OutgoingRequest(probe.Method, path.Value, [], null)) : Refuse(path.Refusal);
    }

    private static Preparation FillCall(ToolManifest tool, TemplateValues values)
    {
        var path = tool.Http.Path.Fill(values);

        if (!path.IsFilled)
        {
            return Refuse(path.Refusal);
        }

        var target = new StringBuilder(path.Value);

        foreach (var parameter in tool.Http.Query)
        {
            var value = parameter.Value.FillText(values);

            if (!value.IsFilled)
            {
                return Refuse(value.Refusal);
            }

            Append(target, parameter.Name, value.Value);
        }

        var headers = new List<KeyValuePair<string, string>>();

        foreach (var header in tool.Http.Headers)
        {
            var value = header.Value.FillText(values);

            if (!value.IsFilled)
            {
                return Refuse(value.Refusal);
            }

            // A line break would start a header of the agent's own making.
            if (!IsHeaderText(value.Value))
            {
                return new Preparation.Refused(Reason.InvalidArgument, $"The header {header.Name} would hold more than visible ASCII characters.");
            }

            headers.Add(new(header.Name, value.Value));
        }

        // On every sending, the first included: only then does a second one find the first.
        if (tool.Repeat?.KeyHeader is { } key)
        {
            headers.Add(new(key, values.IdempotencyKey!));
        }

        return Body(tool.Http.Body, values) switch
        {
            (var body, null) => new Preparation.Ready(new OutgoingRequest(tool.Http.Method, target.ToString(), headers, body)),
            (_, var refusal) => refusal,
        };
    }

    /// <summary>Adds a query parameter.</summary>
    public static void Append(StringBuilder target, string name, string value) => target
        .Append(target.ToString().Contains('?', StringComparison.Ordinal) ? '&' : '?')
        .Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));

    /// <summary>Whether a text can stand in a header as it is.</summary>
    public static bool IsHeaderText(string text) => text.All(c => c is >= ' ' and <= '~');

    // Canonical, so that `{input}` is exactly the bytes that were digested.
    private static (ReadOnlyMemory<byte>? Body, Preparation.Refused? Refusal) Body(JsonTemplate? template, TemplateValues values)
    {
        if (template is null)
        {
            return (null, null);
        }

        var filled = template.Fill(values);

        if (!filled.IsFilled)
        {
            return (null, Refuse(filled.Refusal));
        }

        return CanonicalJson.TryParse(filled.Value, out var canonical, out var refusal)
            ? (canonical.Memory, null)
            : (null, new Preparation.Refused(Reason.InvalidArgument, $"The request's body would not be canonical JSON: {refusal}."));
    }

    private static Preparation.Refused Refuse(TemplateRefusal refusal) => new(Reason.InvalidArgument, $"{refusal.Message}.");
}
