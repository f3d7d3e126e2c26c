using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli.Applying;

/// <summary><c>mesh list</c>: what is declared.</summary>
internal static class ListCommand
{
    private const int PageMax = 1_000;

    private static readonly Table<Orchestrator.V1.Manifest> Table = new(
        manifest => $"{manifest.Kind}/{manifest.Name}",
        new("kind", manifest => manifest.Kind),
        new("name", manifest => manifest.Name),
        new("digest", manifest => Told.Cut(manifest.Digest, 20)),
        new("applied", manifest => Told.Time(manifest.AppliedAt)),
        new("by", manifest => manifest.AppliedBy));

    public static Command Create()
    {
        var kind = new Argument<string?>("KIND")
        {
            Description = "Only this kind, such as workflow.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("list", "List what is declared in a tenant.") { kind };

        command.Runs(async (session, stop) =>
        {
            var catalog = new Orchestrator.V1.CatalogService.CatalogServiceClient(session.Mesh);
            var request = new Orchestrator.V1.ListManifestsRequest
            {
                Tenant = await session.TenantAsync(stop),
                Kind = KindName.Of(session.Parse.GetValue(kind) ?? ""),
                PageSize = PageMax,
            };
            var found = new List<Orchestrator.V1.Manifest>();
            do
            {
                var page = await catalog.ListManifestsAsync(request, cancellationToken: stop);
                found.AddRange(page.Manifests);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);

            session.Printer.PrintList(found, Table);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh list workflow --tenant acme");
    }
}
