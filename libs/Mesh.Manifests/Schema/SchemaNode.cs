using System.Text.Json;

namespace Mesh.Manifests.Schema;

/// <summary>One compiled schema or subschema: all its assertions must hold.</summary>
internal sealed class SchemaNode
{
    /// <summary>Filled by the compiler after the node is made, because references may point back to it.</summary>
    public List<Assertion> Assertions { get; } = [];

    /// <summary>Subschemas that look at the same value. A cycle among them would never end.</summary>
    public IEnumerable<SchemaNode> InPlace => Assertions.SelectMany(a => a.InPlace);

    public bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (!run.TryEnter(at))
        {
            return false;
        }

        var isValid = true;

        foreach (var assertion in Assertions)
        {
            if (!assertion.Check(instance, at, run))
            {
                isValid = false;

                // While alternatives are tried, the first miss settles it; otherwise all are told.
                if (run.IsQuiet || run.IsOver)
                {
                    break;
                }
            }
        }

        run.Leave();
        return isValid;
    }
}
