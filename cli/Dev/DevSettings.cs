namespace Mesh.Cli.Dev;

/// <summary>What the user asked of <c>mesh dev</c>.</summary>
internal sealed record DevSettings(DataFolder Data, int? Port, string Bus, IReadOnlyDictionary<string, int> Scale, bool Fresh, bool Headless, bool Verbose);
