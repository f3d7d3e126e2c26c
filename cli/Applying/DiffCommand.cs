using System.CommandLine;

namespace Mesh.Cli.Applying;

/// <summary><c>mesh diff</c>: what an apply would change.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        var path = PathOption.Create();
        var command = new Command("diff", "Check manifests and say what applying them would change. Nothing is changed.") { path };

        command.Runs(async (session, stop) =>
        {
            var files = ManifestFiles.Read(session.Parse.GetRequiredValue(path));
            var answer = await new ApplyFlow(session.Mesh, session.Progress).RunAsync(files, dryRun: true, stop);
            AppliedView.Print(session, answer, isDryRun: true);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh diff -f manifests/refund.yaml");
    }
}
