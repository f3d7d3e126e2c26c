using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>Containers that were given the wrong things: refused or not ready, with the reason, while the others go on.</summary>
[Collection(OnSharedMesh.Name)]
public sealed class BadInputTests(SharedMesh shared)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_service_without_its_secrets_refuses_to_start_and_says_what_is_missing()
    {
        var mesh = await shared.MeshAsync();

        var bare = await ContainerEngine.TryAsync(
        [
            "docker", "run", "--rm", "--read-only", "-e", "MESH_LISTEN=0.0.0.0:7310", "-e", "MESH_HEALTH=127.0.0.1:7320", "-e", "MESH_DOMAIN=mesh.local",
            "-e", "MESH_KEYS=/mesh/keys/self", "-e", "MESH_TLS=/mesh/tls/self", Images.OfMesh, "Mesh.Policy.dll",
        ]);

        Assert.Equal(2, bare.ExitCode);
        Assert.Contains("policy cannot start:\n  MESH_TLS (--tls): /mesh/tls/self has no readable tls.crt, tls.key and ca.crt", bare.Errors, StringComparison.Ordinal);
        await GoesOnAsync(mesh);
    }

    [Fact]
    public async Task Keys_that_are_gone_are_not_made_anew_beside_those_that_need_them()
    {
        var mesh = await shared.MeshAsync();

        // As init would find it with the volume of the CA lost, and with that of the vault's keys lost.
        var withoutAuthority = await InitWithoutAsync("/mesh/ca");
        var withoutVault = await InitWithoutAsync("/mesh/keys/vault");

        Assert.Equal((6, true), (withoutAuthority.ExitCode, withoutAuthority.Errors.Contains("/mesh/ca has no CA, and there are keys of", StringComparison.Ordinal)));
        Assert.Equal((6, true), (withoutVault.ExitCode, withoutVault.Errors.Contains("The keys of vault are gone from /mesh/keys", StringComparison.Ordinal)));
        await GoesOnAsync(mesh);

        // An empty place of the container's own hides the volume.
        async Task<(int ExitCode, string Output, string Errors)> InitWithoutAsync(string folder)
        {
            var volumes = new[] { "ca", "keys/ingress", "keys/orchestrator", "keys/policy", "keys/vault", "keys/audit", "keys/toolrunner" }
                .Where(volume => $"/mesh/{volume}" != folder)
                .SelectMany(volume => (string[])["-v", $"{mesh.Project}_{volume.Replace('/', '-')}:/mesh/{volume}"]);
            return await ContainerEngine.TryAsync(["docker", "run", "--rm", "--network", "none", .. volumes, Images.OfMesh, "Mesh.Cli.dll", "init", "/mesh", "--postgres", "Host=postgres;Database=mesh;Username=postgres"]);
        }
    }

    [Fact]
    public async Task Migrations_with_a_wrong_password_change_nothing_and_say_so()
    {
        var mesh = await shared.MeshAsync();

        var refused = await mesh.TryComposeAsync(
            "run", "--rm", "--no-deps", "-T", "-e", "MESH_POSTGRES=Host=postgres;Database=mesh;Username=postgres;Password=wrong;GSS Encryption Mode=Disable", "migrate");

        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("PostgreSQL does not let the superuser of --postgres (MESH_POSTGRES) in: password authentication failed for user \"postgres\" (28P01)", refused.Errors, StringComparison.Ordinal);
        await GoesOnAsync(mesh);
    }

    [Fact]
    public async Task A_replica_with_a_wrong_password_refuses_to_start_and_says_so()
    {
        var mesh = await shared.MeshAsync();
        await using var replica = await ReplicaAsync(mesh, "policy", "-e", "MESH_POSTGRES=Host=postgres;Database=mesh;Username=mesh_policy;Password=wrong;GSS Encryption Mode=Disable", "-e", "MESH_POSTGRES_FILE=");

        await replica.EndsAsync("policy cannot start:\n  MESH_POSTGRES (--postgres): PostgreSQL does not let this service in (28P01)");

        await GoesOnAsync(mesh);
    }

    [Fact]
    public async Task A_replica_on_an_old_schema_refuses_to_start_until_it_is_migrated()
    {
        var mesh = await shared.MeshAsync();
        await mesh.ComposeAsync("exec", "-T", "postgres", "createdb", "-U", "postgres", "old");
        var password = (await mesh.ComposeAsync("exec", "-T", "postgres", "cat", "/mesh/postgres/password")).Trim();
        var store = (await mesh.ComposeAsync("exec", "-T", "policy", "cat", "/mesh/keys/self/postgres")).Trim().Replace("Database=mesh", "Database=old", StringComparison.Ordinal);
        await using var replica = await ReplicaAsync(mesh, "policy", "-e", $"MESH_POSTGRES={store}", "-e", "MESH_POSTGRES_FILE=");
        await replica.EndsAsync("policy cannot start:\n  its schema is older than this program");

        await mesh.ComposeAsync(
            "run", "--rm", "--no-deps", "-T", "-e", $"MESH_POSTGRES=Host=postgres;Database=old;Username=postgres;Password={password};GSS Encryption Mode=Disable", "migrate");

        await ContainerEngine.RunAsync(["docker", "start", replica.Name]);
        await replica.SaysAsync("\"status\":\"ready\"");
        await GoesOnAsync(mesh);
    }

    [Fact]
    public async Task A_replica_with_another_CA_is_refused_by_its_peers_and_nothing_is_lost()
    {
        var mesh = await shared.MeshAsync();
        var volume = $"{mesh.Project}_another";
        await ContainerEngine.RunAsync(["docker", "run", "--rm", "--network", "none", "-v", $"{volume}:/mesh/operator", Images.OfMesh, "Mesh.Cli.dll", "init", "/mesh/operator/another", "--postgres", "Host=postgres;Database=mesh;Username=postgres"]);

        try
        {
            // By its name, so that its peers find it among the replicas of policy.
            await using (var replica = await ReplicaAsync(mesh, "policy", "--use-aliases", "-v", $"{volume}:/mesh/operator:ro", "-e", "MESH_TLS=/mesh/operator/another/tls/policy"))
            {
                await replica.SaysAsync("\"status\":\"ready\"");

                // As soon as its peers have looked its name up again.
                await Eventually.Async(
                    async () =>
                    {
                        await GoesOnAsync(mesh);
                        return (await mesh.ComposeAsync("logs", "--no-color", "orchestrator")).Split('\n').Any(line =>
                            line.Contains("\"level\":\"warn", StringComparison.Ordinal) && line.Contains("policy at ", StringComparison.Ordinal) && line.Contains("certificate", StringComparison.Ordinal));
                    },
                    Patience,
                    "the orchestrator says why it does not call the replica");
            }
        }
        finally
        {
            await ContainerEngine.RunAsync(["docker", "volume", "rm", volume]);
        }
    }

    // Nothing lost, and the rest goes on: a refund, once.
    private static async Task GoesOnAsync(ContainerMesh mesh)
    {
        var before = (await mesh.BookAsync("refund")).Length;

        Assert.Equal("TASK_STATE_COMPLETED", await mesh.EndOfAsync(await mesh.DeliverAsync("1001")));

        Assert.Equal(before + 1, (await mesh.BookAsync("refund")).Length);
    }

    private static async Task<Replica> ReplicaAsync(ContainerMesh mesh, string service, params string[] how)
    {
        var name = $"{mesh.Project}-{Guid.NewGuid():N}"[..26];
        await mesh.ComposeAsync(["run", "-d", "--no-deps", "--name", name, .. how, service]);
        return new Replica(name, $"Mesh.{char.ToUpperInvariant(service[0])}{service[1..]}.dll");
    }

    private sealed class Replica(string name, string program) : IAsyncDisposable
    {
        public string Name => name;

        /// <summary>Waits until it has ended, with this as its last words.</summary>
        public Task EndsAsync(string saying) => Eventually.Async(
            async () => await ContainerEngine.InspectAsync(name, "{{.State.Status}} {{.State.ExitCode}}") == "exited 2"
                && (await ContainerEngine.TryAsync(["docker", "logs", name])).Errors.Contains(saying, StringComparison.Ordinal),
            Patience);

        public async Task SaysAsync(string what)
        {
            var said = "";
            await Eventually.Async(
                async () => (said = (await ContainerEngine.TryAsync(["docker", "exec", name, "dotnet", program, "probe"])).Output).Contains(what, StringComparison.Ordinal),
                Patience,
                $"the probe of the replica says {what}");
        }

        public async ValueTask DisposeAsync() => await ContainerEngine.RunAsync(["docker", "rm", "-f", "-v", name]);
    }
}
