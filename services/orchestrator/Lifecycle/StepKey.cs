using System.Globalization;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>Names one step of a task: (branch, name, n-th of that name), written <c>branch/name#n</c> or <c>name#n</c>.</summary>
internal readonly record struct StepKey
{
    /// <summary>Characters that a step key may have at most.</summary>
    public const int LengthMax = 128;

    private StepKey(string value, string branch)
    {
        Value = value;
        Branch = branch;
    }

    public string Value { get; }

    /// <summary>Empty for the default branch. Order is compared inside a branch, not across.</summary>
    public string Branch { get; }

    public static bool TryParse(string? text, out StepKey key)
    {
        key = default;

        if (string.IsNullOrEmpty(text) || text.Length > LengthMax)
        {
            return false;
        }

        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var hash = text.LastIndexOf('#');
        var branch = slash < 0 ? "" : text[..slash];

        var isWellFormed = slash != 0
            && hash > slash + 1
            && IsName(branch)
            && IsName(text.AsSpan(slash + 1, hash - slash - 1))
            && IsOrdinal(text.AsSpan(hash + 1));

        if (isWellFormed)
        {
            key = new StepKey(text, branch);
        }

        return isWellFormed;
    }

    public override string ToString() => Value;

    private static bool IsName(ReadOnlySpan<char> name)
    {
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or ':' or '-'))
            {
                return false;
            }
        }

        return true;
    }

    // "#007" and "#7" would be two keys for one step.
    private static bool IsOrdinal(ReadOnlySpan<char> digits) =>
        digits is ['0'] || (digits.Length > 0 && digits[0] != '0'
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _));
}
