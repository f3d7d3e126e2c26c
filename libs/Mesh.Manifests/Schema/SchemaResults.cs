namespace Mesh.Manifests.Schema;

/// <summary>Where an instance breaks its schema.</summary>
/// <param name="InstancePath">JSON pointer into the instance; empty for the whole.</param>
/// <param name="Message">What is wrong, naming the limit. It never repeats the instance's own text.</param>
public sealed record SchemaViolation(string InstancePath, string Message);

/// <summary>Where a schema is not one that can be enforced.</summary>
/// <param name="SchemaPath">JSON pointer into the schema; empty for the whole.</param>
/// <param name="Message">What is wrong.</param>
public sealed record SchemaError(string SchemaPath, string Message);

/// <summary>A compiled schema, or the reasons why there is none.</summary>
public sealed record SchemaCompilation(JsonSchema? Schema, IReadOnlyList<SchemaError> Errors);
