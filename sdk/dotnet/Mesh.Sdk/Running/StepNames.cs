namespace Mesh.Running;

/// <summary>What a step key may be made of.</summary>
internal static class StepNames
{
    public const int BranchCharsMax = 64;
    public const int KeyCharsMax = 128;

    public static void Require(string name, string parameter, int charsMax)
    {
        ArgumentException.ThrowIfNullOrEmpty(name, parameter);

        if (name.Length > charsMax || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or ':' or '-')))
        {
            throw new ArgumentException($"'{name}' must have at most {charsMax} characters of a-z A-Z 0-9 _ . : -", parameter);
        }
    }
}
