using System.Globalization;

namespace Mesh.Manifests.Source;

/// <summary>Finds the node that a JSON pointer means, so that an error inside a schema or a template has its line.</summary>
internal static class NodePointer
{
    public static (Node At, FieldPath Path) Find(Node node, FieldPath path, string pointer)
    {
        foreach (var step in pointer.Split('/').Skip(1))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

            switch (node)
            {
                case MapNode map when map.TryGet(name, out var entry):
                    (node, path) = (entry.Value, path.At(name));
                    break;

                case ListNode list when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Items.Count:
                    (node, path) = (list.Items[index], path.At(index));
                    break;

                default:
                    return (node, path.At(name));
            }
        }

        return (node, path);
    }
}
