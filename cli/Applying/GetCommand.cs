using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Cli.Output;

namespace Mesh.Cli.Applying;

/// <summary><c>mesh get</c>: one manifest as the mesh has it.</summary>
internal static class GetCommand
{
    public static Command Create()
    {
        var kind = new Argument<string>("KIND") { Description = "Such as Workflow, Tool, Integration or PolicySet." };
        var name = new Argument<string>("NAME") { Description = "Its name." };
        var command = new Command("get", "Show a manifest as the mesh has it, in canonical form.") { kind, name };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Orchestrator.V1.CatalogService.CatalogServiceClient(session.Mesh).GetManifestAsync(
                new Orchestrator.V1.GetManifestRequest
                {
                    Tenant = await session.TenantAsync(stop),
                    Kind = KindName.Of(session.Parse.GetRequiredValue(kind)),
                    Name = session.Parse.GetRequiredValue(name),
                },
                cancellationToken: stop);
            session.Printer.Print(answer.Manifest, manifest => $"{manifest.Kind}/{manifest.Name}", (to, manifest) =>
            {
                to.WriteLine($"# {manifest.Kind}/{manifest.Name}  {manifest.Digest}");
                to.WriteLine(Printer.Lines(JsonNode.Parse(manifest.Canonical)!));
            });
            return ExitCodes.Done;
        });
        return command.WithExample("mesh get workflow refund-request");
    }
}
