using System.Collections.Frozen;

namespace Mesh.Policy.Evaluation;

/// <summary>Everything about a call that rules and limits may look at. Nothing here is an agent's claim about itself.</summary>
internal sealed class CallAttributes
{
    private readonly Dictionary<string, AttributeValue> attributes;

    /// <param name="context">Where the call comes from, by policy's own copy of the definitions.</param>
    /// <param name="fromArguments">Attributes read from the arguments. They cannot replace those of the runtime.</param>
    public CallAttributes(CallContext context, IEnumerable<KeyValuePair<string, AttributeValue>> fromArguments)
    {
        Context = context;
        attributes = new Dictionary<string, AttributeValue>(fromArguments, StringComparer.Ordinal)
        {
            ["tenant"] = new AttributeValue.Text(context.Tenant),
            ["workflow"] = new AttributeValue.Text(context.Workflow),
            ["tool"] = new AttributeValue.Text(context.Tool),
            ["integration"] = new AttributeValue.Text(context.Integration),
            ["initiator"] = new AttributeValue.Text(context.Initiator),
            ["environment"] = new AttributeValue.Text(context.Environment),
            ["classes"] = new AttributeValue.Labels(context.Classes),
            ["task_done"] = new AttributeValue.Labels(context.TaskDone),
            ["taint"] = new AttributeValue.Labels(context.Taint),
        };
    }

    public CallContext Context { get; }

    public AttributeValue? Find(string name) => attributes.GetValueOrDefault(name);
}

/// <summary>What the runtime, not the arguments, says about a call.</summary>
internal sealed record CallContext
{
    public const string DefaultEnvironment = "prod";

    public required string Tenant { get; init; }

    public required string Workflow { get; init; }

    public required string Tool { get; init; }

    /// <summary>Empty for a tool without one.</summary>
    public required string Integration { get; init; }

    public required string Initiator { get; init; }

    public required FrozenSet<string> Classes { get; init; }

    public FrozenSet<string> TaskDone { get; init; } = [];

    public FrozenSet<string> Taint { get; init; } = [];

    public string Environment { get; init; } = DefaultEnvironment;
}
