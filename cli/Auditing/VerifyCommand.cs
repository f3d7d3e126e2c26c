using System.CommandLine;

namespace Mesh.Cli.Auditing;

/// <summary><c>mesh audit verify</c>: is the log whole, unchanged and complete?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var trust = new TrustOptions();
        var state = new Option<DirectoryInfo?>("--state")
        {
            Description = "Where the last verified checkpoint of each log is kept, to notice a rewritten history; ~/.local/state/mesh/checkpoints unless said.",
            HelpName = "DIR",
        };
        var command = new Command(
            "verify", "Download a tenant's log, hash every entry again, and compare with what was signed; exit code 10 with findings.") { state };
        trust.AddTo(command);

        command.Runs(async (session, stop) =>
        {
            var keys = await TrustedKeys.FindAsync(session, trust, stop);
            var seen = new SeenCheckpoints(session.Parse.GetValue(state)?.FullName ?? SeenCheckpoints.DefaultFolder);
            var flow = new VerifyFlow(session.Mesh, keys, seen);
            var report = await flow.RunAsync(await session.TenantAsync(stop), stop);
            session.Printer.Print(report.ToJson(), report.IsVerified ? "verified" : "not verified", report.Write);
            return report.IsVerified ? ExitCodes.Done : ExitCodes.Findings;
        });
        return command.WithExample("""
            mesh audit verify --tenant acme
            mesh audit verify --tenant acme --vkey mesh.example.com/audit+1a2b3c4d+AbCd...
            """);
    }
}
