namespace Mesh.Cli.Output;

/// <summary>How answers are printed.</summary>
internal enum OutputForm
{
    /// <summary>For people: aligned columns.</summary>
    Table,

    /// <summary>One JSON document, also for an empty list.</summary>
    Json,

    /// <summary>One JSON object per line.</summary>
    Jsonl,

    /// <summary>One YAML document, also for an empty list.</summary>
    Yaml,

    /// <summary>Only names or ids, one per line.</summary>
    Name,
}
