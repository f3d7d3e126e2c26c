namespace Mesh.Manifests;

/// <summary>The kinds of manifests that this version acts on, in the order in which they are applied.</summary>
public enum ManifestKind
{
    /// <summary>Everything else belongs to one.</summary>
    Tenant,

    /// <summary>An external system.</summary>
    Integration,

    /// <summary>Something that an agent may ask for.</summary>
    Tool,

    /// <summary>An agent and its tools.</summary>
    Workflow,

    /// <summary>A door for another system's events.</summary>
    Webhook,

    /// <summary>The rules of a tenant.</summary>
    PolicySet,
}
