using System.Diagnostics;
using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>What an auditor sees: <c>./mesh audit verify</c>.</summary>
public static class VerifiedLog
{
    /// <summary>The tenant's whole log verifies, without a finding.</summary>
    public static async Task AssertVerifiesAsync(this RefundMesh mesh, string tenant = RefundMesh.Acme)
    {
        using var verify = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), ["audit", "verify", "--tenant", tenant, "--data", mesh.Node.Data])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (verify.StandardOutput.ReadToEndAsync(), verify.StandardError.ReadToEndAsync());
        await verify.WaitForExitAsync();

        Assert.True(verify.ExitCode == 0, $"{await output}{await errors}");
    }
}
