using System.Text.Json;

namespace Mesh.Manifests.Templates;

/// <summary>The values that a template is filled with. What is absent makes a placeholder that needs it refuse.</summary>
public sealed record TemplateValues
{
    /// <summary>A tool call's arguments.</summary>
    public JsonElement? Input { get; init; }

    /// <summary>A webhook's body.</summary>
    public JsonElement? Body { get; init; }

    /// <summary>The key that the target sees again when a call is repeated.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>The leased credential. It MUST NOT be logged.</summary>
    public string? Value { get; init; }

    /// <summary>Never the values: one of them is a credential.</summary>
    public override string ToString() => nameof(TemplateValues);
}
