using Mesh.Manifests.Schema;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads a JSON Schema that stands in a manifest.</summary>
internal static class SchemaReader
{
    public static JsonSchema? Read(Fields fields, string name, bool isRequired)
    {
        var node = isRequired ? fields.Required(name) : fields.Optional(name);

        if (node is null)
        {
            return null;
        }

        var compilation = JsonSchema.Compile(Fields.Json(node));

        foreach (var error in compilation.Errors)
        {
            var (at, path) = NodePointer.Find(node, fields.Path.At(name), error.SchemaPath);
            fields.Findings.Add(at, path, error.Message);
        }

        return compilation.Schema;
    }
}
