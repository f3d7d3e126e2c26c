using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>The refund sample in containers, from the published port to the shop's book.</summary>
[Collection(OnSharedMesh.Name)]
public sealed class RefundTests(SharedMesh shared)
{
    [Fact]
    public async Task A_signed_webhook_at_the_published_port_becomes_one_refund_and_the_log_verifies()
    {
        var mesh = await shared.MeshAsync();
        var before = await mesh.BookAsync("refund");

        var task = await mesh.DeliverAsync("1001");

        Assert.Equal("TASK_STATE_COMPLETED", await mesh.EndOfAsync(task));
        Assert.Single((await mesh.BookAsync("refund")).Except(before));
        Assert.Contains("\nverified\n", await mesh.VerifiedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_up_changes_nothing()
    {
        var mesh = await shared.MeshAsync();
        string[] staying = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner", "postgres", "rabbitmq", "ca", "shop"];
        var before = await StartedAsync();

        await mesh.UpAsync();

        Assert.Equal(before, await StartedAsync());
        Assert.EndsWith("/mesh has everything\n", await LogAsync("init"), StringComparison.Ordinal);
        Assert.All((await LogAsync("migrate")).TrimEnd().Split('\n')[^5..], line => Assert.EndsWith(" up to date", line, StringComparison.Ordinal));

        async Task<List<string>> StartedAsync()
        {
            List<string> all = [];
            foreach (var service in staying)
            {
                foreach (var container in await mesh.ContainersAsync(service))
                {
                    all.Add($"{service} {container} {await ContainerEngine.InspectAsync(container, "{{.State.StartedAt}}")}");
                }
            }

            return all;
        }

        async Task<string> LogAsync(string service) => await ContainerEngine.RunAsync(["docker", "logs", (await mesh.ContainersAsync(service))[0]]);
    }

    [Fact]
    public async Task Each_service_has_its_own_secrets_readable_by_its_user_alone_and_nobody_else_s()
    {
        var mesh = await shared.MeshAsync();

        foreach (var service in (string[])["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner"])
        {
            var files = await mesh.ComposeAsync("exec", "-T", service, "sh", "-c", "find /mesh -type f -not -path '/mesh/runner/*' -exec stat -c '%n %U %a' {} +");
            var secrets = files.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.EndsWith(" 644", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToList();
            string[] expected = service switch
            {
                "ingress" => ["keys/self/bus", "tls/self/tls.key"],
                "toolrunner" => ["tls/self/tls.key"],
                "orchestrator" => ["keys/self/bus", "keys/self/postgres", "tls/self/tls.key"],
                "policy" => ["keys/self/bootstrap.token", "keys/self/bus", "keys/self/postgres", "keys/self/signing.seed", "keys/self/token.pepper", "tls/self/tls.key"],
                "vault" => ["keys/self/bus", "keys/self/postgres", "keys/self/root.key", "keys/self/token.pepper", "tls/self/tls.key"],
                _ => ["keys/self/bus", "keys/self/postgres", "keys/self/signing.seed", "tls/self/tls.key"],
            };

            Assert.Equal(expected.Select(file => $"/mesh/{file}"), secrets.Where(file => !file[0].StartsWith("/mesh/checkpoints/", StringComparison.Ordinal)).Select(file => file[0]).Order(StringComparer.Ordinal));
            Assert.All(secrets, file => Assert.Equal("app", file[1]));
            Assert.All(secrets.Where(file => file[0].StartsWith("/mesh/keys/", StringComparison.Ordinal) || file[0].StartsWith("/mesh/tls/", StringComparison.Ordinal)), file => Assert.Equal("400", file[2]));
        }
    }

    [Fact]
    public async Task Running_processes_are_nobody_special_and_cannot_write_to_their_root()
    {
        var mesh = await shared.MeshAsync();

        foreach (var service in (string[])["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner", "postgres", "rabbitmq", "shop"])
        {
            var status = await mesh.ComposeAsync("exec", "-T", service, "sh", "-c", "grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs):' /proc/1/status; touch /etc/mine 2>&1 || true");

            Assert.DoesNotMatch(@"Uid:\s+0\s", status);
            Assert.Matches(@"CapEff:\s+0+\n", status);
            Assert.Matches(@"CapBnd:\s+0+\n", status);
            Assert.Matches(@"NoNewPrivs:\s+1\n", status);
            Assert.Contains("Read-only file system", status, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_bus_s_user_may_use_what_is_the_mesh_s_and_nothing_else()
    {
        var mesh = await shared.MeshAsync();

        var users = await ControlAsync("list_users");
        var permissions = await ControlAsync("list_user_permissions", "mesh");

        Assert.Equal(["mesh\t[]"], users);
        Assert.Equal(["mesh\t^mesh\\.\t^mesh\\.\t^mesh\\."], permissions);
        Assert.Contains("mesh.audit", await ControlAsync("list_queues", "-p", "mesh", "name"));

        async Task<string[]> ControlAsync(params string[] command) =>
            (await mesh.ComposeAsync(["exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "--no-table-headers", .. command])).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task A_certificate_that_is_due_is_renewed_by_the_ca_and_no_service_starts_again()
    {
        var mesh = await shared.MeshAsync();
        var policy = (await mesh.ContainersAsync("policy"))[0];
        var started = await ContainerEngine.InspectAsync(policy, "{{.State.StartedAt}}");
        var before = await CertificateAsync();

        // Gone is due: the next look of the CA, here by hand, makes another.
        await mesh.ComposeAsync("exec", "-T", "ca", "rm", "/mesh/tls/policy/tls.crt");
        var overdue = await mesh.TryComposeAsync("exec", "-T", "ca", "dotnet", "Mesh.Cli.dll", "keys", "renew", "/mesh", "--check");
        var renewed = await mesh.ComposeAsync("exec", "-T", "ca", "dotnet", "Mesh.Cli.dll", "keys", "renew", "/mesh");

        Assert.Equal(10, overdue.ExitCode);
        Assert.Contains("certificate of policy renewed", renewed, StringComparison.Ordinal);
        Assert.NotEqual(before, await CertificateAsync());
        Assert.Equal("TASK_STATE_COMPLETED", await mesh.EndOfAsync(await mesh.DeliverAsync("1004")));
        Assert.Equal(started, await ContainerEngine.InspectAsync(policy, "{{.State.StartedAt}}"));

        Task<string> CertificateAsync() => mesh.ComposeAsync("exec", "-T", "policy", "cat", "/mesh/tls/self/tls.crt");
    }
}
