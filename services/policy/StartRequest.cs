using System.Collections.Frozen;
using System.Text.Json;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Policy.Evaluation;
using Mesh.Policy.Language;

namespace Mesh.Policy;

/// <summary>A task that wants to start.</summary>
internal sealed record StartRequest(string Tenant, string Workflow, ContentDigest WorkflowVersion, string Initiator, CanonicalBytes Input)
{
    private static readonly FrozenSet<string> Classes = FrozenSet.Create(StringComparer.Ordinal, "write");

    /// <summary>The start as a call of the built-in tool. Rules see the top-level members of the input.</summary>
    public CallAttributes Attributes() => new(
        new CallContext
        {
            Tenant = Tenant,
            Workflow = Workflow,
            Tool = PlatformSet.StartTool,
            Integration = "",
            Initiator = Initiator,
            Classes = Classes,
        },
        InputAttributes());

    private IEnumerable<KeyValuePair<string, AttributeValue>> InputAttributes()
    {
        var input = JsonElement.Parse(Input.Span);

        return input.ValueKind != JsonValueKind.Object
            ? []
            : input.EnumerateObject().Where(m => Names.IsAttributeName(m.Name)).Select(m => KeyValuePair.Create(m.Name, ValueOf(m.Value)));
    }

    private static AttributeValue ValueOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new AttributeValue.Text(value.GetString()!),
        JsonValueKind.Number when value.TryGetInt64(out var whole) => new AttributeValue.Whole(whole),
        JsonValueKind.True or JsonValueKind.False => new AttributeValue.Flag(value.GetBoolean()),
        JsonValueKind.Array when value.EnumerateArray().All(i => i.ValueKind == JsonValueKind.String) =>
            AttributeValue.LabelsOf(value.EnumerateArray().Select(i => i.GetString()!)),
        _ => new AttributeValue.Opaque(),
    };
}
