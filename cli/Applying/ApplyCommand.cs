using System.CommandLine;

namespace Mesh.Cli.Applying;

/// <summary><c>mesh apply</c>: makes what is declared true.</summary>
internal static class ApplyCommand
{
    public static Command Create()
    {
        var path = PathOption.Create();
        var command = new Command("apply", "Apply manifests: all of them or, when one has an error, none.") { path };

        command.Runs(async (session, stop) =>
        {
            var files = ManifestFiles.Read(session.Parse.GetRequiredValue(path));
            var answer = await new ApplyFlow(session.Mesh, session.Progress).RunAsync(files, dryRun: false, stop);
            AppliedView.Print(session, answer, isDryRun: false);
            return ExitCodes.Done;
        });
        return command.WithExample("""
            mesh diff -f manifests/
            mesh apply -f manifests/
            """);
    }
}
