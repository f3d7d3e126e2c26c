namespace Mesh.Manifests.Source;

/// <summary>Collects what is wrong with one file, up to a bound, so that a hostile file cannot answer with a flood.</summary>
internal sealed class Findings(string file)
{
    public const int ErrorsMax = 100;

    private readonly List<ManifestError> errors = [];

    public IReadOnlyList<ManifestError> Errors => errors;

    /// <summary>How many there were, also those beyond the bound.</summary>
    public int Count { get; private set; }

    public string File => file;

    public void Add(Node at, FieldPath field, string message) => Add(at.Line, at.Column, field, message);

    public void Add(int line, int column, FieldPath field, string message)
    {
        Count++;

        if (errors.Count < ErrorsMax)
        {
            errors.Add(new ManifestError(file, line, column, field.ToString(), message));
        }
    }
}
