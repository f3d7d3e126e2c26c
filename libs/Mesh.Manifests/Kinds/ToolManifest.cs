using Mesh.Manifests.Attributes;
using Mesh.Manifests.Schema;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Kinds;

/// <summary>Something that an agent may ask for.</summary>
public sealed record ToolManifest : Manifest
{
    /// <summary>The integration whose base URL, egress and credential it uses.</summary>
    public required string Integration { get; init; }

    /// <summary>What kind of effect it has, in ascending order; agents cannot change it.</summary>
    public required IReadOnlyList<ToolClass> Classes { get; init; }

    /// <summary>For people and models.</summary>
    public required string Description { get; init; }

    /// <summary>What its arguments must look like.</summary>
    public required JsonSchema Input { get; init; }

    /// <summary>The request that it becomes.</summary>
    public required HttpCall Http { get; init; }

    /// <summary>Whether and how it may be sent again after an unknown outcome; null means never.</summary>
    public RepeatRule? Repeat { get; init; }

    /// <summary>A probe that tells whether an unknown call was performed; null when there is none.</summary>
    public ReconcileProbe? Reconcile { get; init; }

    /// <summary>What policy rules see of the arguments, with types.</summary>
    public required ToolAttributes Attributes { get; init; }

    /// <summary>How long one call may take; then its outcome is unknown.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>What may come back.</summary>
    public required OutputBounds Output { get; init; }
}

/// <summary>What a tool can do, from harmless to dear. A tool may carry several.</summary>
public enum ToolClass
{
    /// <summary>Changes nothing.</summary>
    Read,

    /// <summary>Changes something that can be changed back.</summary>
    Write,

    /// <summary>A customer sees it.</summary>
    CustomerFacing,

    /// <summary>Cannot be undone.</summary>
    Destructive,

    /// <summary>Moves money.</summary>
    Financial,
}

/// <summary>The words of manifests, decisions and facts for <see cref="ToolClass"/>.</summary>
public static class ToolClassWords
{
    internal static readonly IReadOnlyDictionary<string, ToolClass> All = new Dictionary<string, ToolClass>(StringComparer.Ordinal)
    {
        ["read"] = ToolClass.Read,
        ["write"] = ToolClass.Write,
        ["customer_facing"] = ToolClass.CustomerFacing,
        ["destructive"] = ToolClass.Destructive,
        ["financial"] = ToolClass.Financial,
    };

    /// <summary>The class as manifests write it.</summary>
    public static string Word(this ToolClass toolClass) => All.First(pair => pair.Value == toolClass).Key;

    /// <summary>The class for a word, or null.</summary>
    public static ToolClass? Parse(string word) => All.TryGetValue(word, out var found) ? found : null;
}

/// <summary>An HTTP request with places for the call's values.</summary>
/// <param name="Method">One of GET, HEAD, POST, PUT, PATCH, DELETE.</param>
/// <param name="Path">Appended to the integration's base URL.</param>
/// <param name="Query">Parameters beside those in the path, in the order of their canonical form; each value is percent-encoded.</param>
/// <param name="Headers">Headers beside the credential's and the repeat key's.</param>
/// <param name="Body">Sent as application/json; null when there is none.</param>
public sealed record HttpCall(
    string Method,
    PathTemplate Path,
    IReadOnlyList<NamedTemplate> Query,
    IReadOnlyList<NamedTemplate> Headers,
    JsonTemplate? Body);

/// <summary>A query parameter or a header.</summary>
public sealed record NamedTemplate(string Name, Template Value);

/// <summary>How a call may be sent again.</summary>
/// <param name="IsSafe">False says the same as no rule: never again by itself.</param>
/// <param name="KeyHeader">The header that carries the idempotency key on every sending; null when the target needs none.</param>
public sealed record RepeatRule(bool IsSafe, string? KeyHeader);

/// <summary>A request that changes nothing and tells whether a call was performed.</summary>
/// <param name="Method">GET or HEAD.</param>
/// <param name="Path">Appended to the integration's base URL.</param>
/// <param name="PerformedWhenStatus">This status means performed.</param>
public sealed record ReconcileProbe(string Method, PathTemplate Path, int PerformedWhenStatus);

/// <summary>What may come back from a tool.</summary>
/// <param name="BytesMax">A longer answer is cut off and the call fails.</param>
/// <param name="Redact">Member names whose values are blanked, at any depth.</param>
public sealed record OutputBounds(int BytesMax, IReadOnlyList<string> Redact);
