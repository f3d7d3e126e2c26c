using System.CommandLine;
using System.Diagnostics;
using Grpc.Core;
using Mesh.Cli.Auditing;
using Mesh.Cli.Output;

namespace Mesh.Cli.Demo;

/// <summary><c>mesh demo</c>: what Mesh does, in about a minute, on a mesh that is thrown away.</summary>
internal static class DemoCommand
{
    private static readonly TimeSpan OutcomesWithin = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    public static Command Create()
    {
        var command = new Command("demo", "Show what Mesh does: four runs of the refund sample on a throw-away mesh. Leaves nothing behind.");
        command.Runs((_, stop) => RunAsync(Console.Out, stop));
        return command.WithExample("mesh demo");
    }

    private static async Task<int> RunAsync(TextWriter to, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var sample = Sample.Find();
        await using var shop = await DemoShop.StartAsync(sample, stop);
        to.WriteLine($"the shop, an ordinary web service, listens on {shop.Address}");
        await using var node = await DemoNode.StartAsync(stop);
        to.WriteLine($"a throw-away mesh is ready after {clock.Elapsed.TotalSeconds:0.0} s in {node.Folder}");

        try
        {
            var run = node.Read();
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            using var webhook = new SignedWebhook(http, new Uri($"{run.Http}/hooks/{DemoSetup.Tenant}/shop"));
            var admin = node.Open(run.Token).Invoker;
            var setup = new DemoSetup(admin);
            await setup.ApplyAsync(sample, shop, stop);
            await setup.PutSecretsAsync(shop, webhook, stop);
            var ops = node.Open(await setup.PersonAsync("ops", "operator", null, stop)).Invoker;
            var fiona = node.Open(await setup.PersonAsync("fiona", "approver", "finance", stop)).Invoker;
            to.WriteLine("manifests applied, secrets stored, ops may start tasks, fiona of finance may approve");

            await new DemoFlow(node, shop, webhook, ops, fiona, to).RunAsync(stop);
            await VerifyAsync(node, admin, to, stop);
        }
        catch (Exception error) when (error is ProblemException or RpcException && node.Warnings is { Length: > 0 } warnings)
        {
            await Console.Error.WriteLineAsync(warnings);
            throw;
        }

        to.WriteLine();
        to.WriteLine("demo: completed");
        return ExitCodes.Done;
    }

    private static async Task VerifyAsync(DemoNode node, CallInvoker admin, TextWriter to, CancellationToken stop)
    {
        to.WriteLine();
        to.WriteLine("The audit log, hashed again here and compared with what was signed:");
        to.WriteLine();
        var flow = new VerifyFlow(admin, TrustedKeys.Read(node.TrustFile), new SeenCheckpoints(Path.Combine(node.Folder, "seen")));
        var report = await flow.RunAsync(DemoSetup.Tenant, stop);

        // The last outcomes are still on the bus for a moment.
        for (var clock = Stopwatch.StartNew(); report is { IsVerified: true, OpenIntents: > 0 } && clock.Elapsed < OutcomesWithin;)
        {
            await Task.Delay(Pause, stop);
            report = await flow.RunAsync(DemoSetup.Tenant, stop);
        }

        report.Write(to);
        if (!report.IsVerified || report.Intents == 0 || report.OpenIntents > 0)
        {
            throw new ProblemException(Problem.Here("DEMO_FAILED", "The audit log does not verify, or lacks an outcome.", ExitCodes.Error));
        }
    }
}
