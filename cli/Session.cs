using System.CommandLine;
using Grpc.Core;
using Mesh.Cli.Connection;
using Mesh.Cli.Output;

namespace Mesh.Cli;

/// <summary>What one run of a verb works with: what was typed, where answers go, and the mesh that it asks.</summary>
internal sealed class Session(ParseResult parse) : IDisposable
{
    private MeshChannel? channel;

    public ParseResult Parse { get; } = parse;

    public Printer Printer { get; } = new(GlobalOptions.FormOf(parse), Console.Out);

    /// <summary>For what somebody who watches likes to see and nobody reads later: only where standard error is a terminal.</summary>
    public TextWriter Progress { get; } = Console.IsErrorRedirected ? TextWriter.Null : Console.Error;

    /// <summary>Calls go to the mesh with the caller's token. Opened when it is first asked for.</summary>
    public CallInvoker Mesh => (channel ??= MeshChannel.Open(MeshAddress.Find(Parse))).Invoker;

    /// <summary>The tenant that was named, else the only one that the token can see.</summary>
    public async Task<string> TenantAsync(CancellationToken stop)
    {
        if (Parse.GetValue(GlobalOptions.Tenant) is { Length: > 0 } said)
        {
            return said;
        }

        if (Environment.GetEnvironmentVariable("MESH_TENANT") is { Length: > 0 } usual)
        {
            return usual;
        }

        var catalog = new Orchestrator.V1.CatalogService.CatalogServiceClient(Mesh);
        var seen = await catalog.ListTenantsAsync(new(), cancellationToken: stop);
        return seen.Tenants.Count switch
        {
            1 => seen.Tenants[0],
            0 => throw new ProblemException(Problem.Here(
                "TENANT_NOT_FOUND", "This token can see no tenant: apply one (kind: Tenant), or ask for a role in one.", ExitCodes.NotFound)),
            _ => throw new ProblemException(Problem.Usage($"Name one of the tenants with --tenant: {string.Join(", ", seen.Tenants)}.")),
        };
    }

    public void Dispose() => channel?.Dispose();
}
