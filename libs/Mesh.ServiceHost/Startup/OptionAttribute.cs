namespace Mesh.ServiceHost;

/// <summary>Marks a property as an option of the service, settable by environment and command line.</summary>
/// <param name="name">In lower case with hyphens. <c>in-flight</c> is <c>--in-flight</c>, <c>MESH_IN_FLIGHT</c> and <c>MESH_IN_FLIGHT_FILE</c>.</param>
/// <param name="sentence">What it does and what happens at its limit, for <c>--help</c>.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string name, string sentence) : Attribute
{
    /// <summary>The name on the command line, without the dashes.</summary>
    public string Name { get; } = name;

    /// <summary>The sentence that <c>--help</c> prints.</summary>
    public string Sentence { get; } = sentence;

    /// <summary>The service does not start without it.</summary>
    public bool Required { get; init; }

    /// <summary>The value is never printed.</summary>
    public bool IsSecret { get; init; }

    /// <summary>The name in the environment.</summary>
    public string Variable => "MESH_" + Name.Replace('-', '_').ToUpperInvariant();
}
