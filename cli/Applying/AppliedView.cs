using Mesh.Cli.Output;

namespace Mesh.Cli.Applying;

/// <summary>What an apply changed, or would change.</summary>
internal static class AppliedView
{
    private static readonly Table<Manifests.V1.AppliedManifest> Table = new(
        applied => $"{applied.Kind}/{applied.Name}",
        new("change", ChangeOf),
        new("kind", applied => applied.Kind),
        new("tenant", applied => applied.Tenant.Length == 0 ? "-" : applied.Tenant),
        new("name", applied => applied.Name),
        new("digest", applied => Told.Cut(applied.Digest, 20)));

    public static void Print(Session session, Ingress.V1.ApplyResponse answer, bool isDryRun)
    {
        switch (session.Printer.Form)
        {
            case OutputForm.Json or OutputForm.Yaml:
                session.Printer.Print(answer, _ => "", (_, _) => { });
                break;
            case OutputForm.Table:
                Write(Console.Out, answer, isDryRun);
                break;
            default:
                session.Printer.PrintList(answer.Applied, Table);
                break;
        }
    }

    internal static void Write(TextWriter to, Ingress.V1.ApplyResponse answer, bool isDryRun)
    {
        Table.Write(to, answer.Applied);
        foreach (var finding in answer.Findings)
        {
            to.WriteLine($"note: {Told.OneLine($"{finding.Source} {finding.Field}: {finding.Message}")}");
        }

        var changed = answer.Applied.Count(one => one.Change != Manifests.V1.AppliedManifest.Types.Change.Unchanged);
        to.WriteLine(isDryRun
            ? $"{changed} of {answer.Applied.Count} would change; nothing was changed"
            : $"{changed} of {answer.Applied.Count} changed");
    }

    private static string ChangeOf(Manifests.V1.AppliedManifest applied) => applied.Change.ToString().ToLowerInvariant();
}
