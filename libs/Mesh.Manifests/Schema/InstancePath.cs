using System.Globalization;

namespace Mesh.Manifests.Schema;

/// <summary>The way from the root to a value. Cheap to extend; written out only when something is wrong there.</summary>
internal sealed record InstancePath(InstancePath? Parent, string Segment)
{
    public static InstancePath Root { get; } = new(null, "");

    public InstancePath At(string name) => new(this, name);

    public InstancePath At(int index) => new(this, index.ToString(CultureInfo.InvariantCulture));

    public string Pointer()
    {
        var segments = new Stack<string>();

        for (var step = this; step.Parent is not null; step = step.Parent)
        {
            segments.Push(Escape(step.Segment));
        }

        return string.Concat(segments.Select(s => "/" + s));
    }

    public static string Escape(string segment) =>
        segment.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
