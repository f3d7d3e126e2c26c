namespace Mesh.Manifests.Templates;

/// <summary>What a template may ask for, by the place where it stands.</summary>
[Flags]
public enum TemplateRoots
{
    /// <summary>Nothing: the text is taken as it is.</summary>
    None = 0,

    /// <summary><c>{input}</c> and <c>{input.field.sub}</c>: a tool call's arguments.</summary>
    Input = 1,

    /// <summary><c>{body}</c> and <c>{body.data.id}</c>: a webhook's body.</summary>
    Body = 2,

    /// <summary><c>{idempotencyKey}</c>: the key that the target sees again when a call is repeated.</summary>
    IdempotencyKey = 4,

    /// <summary><c>{value}</c>: the leased credential.</summary>
    Value = 8,
}
