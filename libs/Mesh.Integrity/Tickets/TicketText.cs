using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Integrity;

/// <summary>The grammar of ticket fields, and what the two kinds of ticket share.</summary>
internal static partial class TicketText
{
    /// <summary>What stands for a field that has no value.</summary>
    public const string Nothing = "-";

    /// <summary>Opens a note and splits it into its fields, without the first line, which names the kind.</summary>
    public static TicketRefusal TryOpen(
        ReadOnlySpan<byte> note, IReadOnlyList<NoteVerifier> verifiers, string kind, out string text, out string[] fields)
    {
        fields = [];

        if (!SignedNote.TryOpen(note, verifiers, out var opened, out _, out var reason))
        {
            text = "";

            return reason switch
            {
                NoteRefusal.InvalidSignature => TicketRefusal.InvalidSignature,
                NoteRefusal.UnknownSigner => TicketRefusal.UnknownSigner,
                _ => TicketRefusal.NotANote,
            };
        }

        text = opened;

        if (!opened.StartsWith(kind + "\n", StringComparison.Ordinal))
        {
            return TicketRefusal.WrongKind;
        }

        fields = opened[(kind.Length + 1)..^1].Split('\n');
        return TicketRefusal.None;
    }

    public static string Lines(string kind, params ReadOnlySpan<string> fields) => $"{kind}\n{string.Join('\n', fields)}\n";

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static bool TryNumber(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    public static bool TryId(string text, out Guid id) => Guid.TryParseExact(text, "D", out id);

    public static string? OrNull(string field) => field == Nothing ? null : field;

    /// <summary>A tenant, workflow or integration.</summary>
    public static bool IsName(string text) => Name().IsMatch(text);

    public static bool IsToolName(string text) => text.Length <= 255 && ToolName().IsMatch(text);

    public static bool IsSecretName(string text) => text.Length <= 255 && SecretName().IsMatch(text);

    public static bool IsClass(string text) => Class().IsMatch(text);

    public static bool IsDomain(string text) => text.Length <= 253 && Domain().IsMatch(text);

    /// <summary>A schema-less URL, such as <c>mesh.example/audit/acme</c>.</summary>
    public static bool IsOrigin(string text) => text.Length <= 512 && Origin().IsMatch(text);

    public static DateTimeOffset WholeMilliseconds(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);

    public static bool TryTime(string text, out DateTimeOffset time)
    {
        var ok = TryNumber(text, out var milliseconds) && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
        time = ok ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : default;
        return ok;
    }

    // \z, not $: the latter lets a newline follow.
    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z][a-z0-9_-]{0,62}(\.[a-z][a-z0-9_-]{0,62})*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ToolName();

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}(/[a-z][a-z0-9-]{0,62})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretName();

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Class();

    [GeneratedRegex(@"\A[a-z0-9]([a-z0-9.-]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Domain();

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.:-]*(/[a-z0-9._-]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Origin();
}
