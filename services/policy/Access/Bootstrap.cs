using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Access;

/// <summary>Makes the first administrator from the file that init wrote. Repeating it changes nothing.</summary>
internal sealed class Bootstrap(
    PolicyOptions options, NpgsqlDataSource store, PrincipalStore principals, AccessLedger ledger, TimeProvider clock, ILogger<Bootstrap> log) : IHostedService
{
    public const string Administrator = "admin";

    private static readonly TimeSpan ValidFor = TimeSpan.FromDays(3650);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.BootstrapTokenFile is not { Length: > 0 } file)
        {
            return;
        }

        var text = (await File.ReadAllTextAsync(file, cancellationToken)).Trim();

        if (!OpaqueToken.TryParse(text, TokenKind.Access, out var token))
        {
            throw new StartupRefusedException("policy", "MESH_BOOTSTRAP_TOKEN_FILE (--bootstrap-token-file): the file does not hold a mesh_ token");
        }

        await RefuseUnfitStoreAsync(cancellationToken);

        if (await principals.AuthenticateAsync(text, cancellationToken) is not null)
        {
            return;
        }

        // A token that was revoked stays revoked: it is known by its hash, so this grants nothing to it.
        var request = new TokenRequest(
            Administrator, PrincipalKind.Person, [(Principal.AllTenants, Role.Admin)], clock.GetUtcNow() + ValidFor, "The first administrator.");
        await ledger.IssueAsync(request, token, "mesh", cancellationToken);
        log.Bootstrapped(Administrator);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // Told here, before a statement meets a table that is not there.
    private async Task RefuseUnfitStoreAsync(CancellationToken stop)
    {
        try
        {
            if (!await Migrator.IsCurrentAsync<PolicyDbContext>(store, stop))
            {
                throw new StartupRefusedException("policy", "its schema is older than this program: migrations are missing, which db migrate runs");
            }
        }
        catch (PostgresException refused) when (refused.SqlState is PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification)
        {
            throw new StartupRefusedException("policy", $"MESH_POSTGRES (--postgres): PostgreSQL does not let this service in ({refused.SqlState})");
        }
    }
}
