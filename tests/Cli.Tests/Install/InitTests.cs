using System.Text.Json.Nodes;
using Mesh.Cli.Install;
using Mesh.Cli.Keys;
using Mesh.Cli.Output;
using Mesh.TestKit;
using Npgsql;

namespace Cli.Tests.Install;

/// <summary>What init leaves for each service, again and after half of it.</summary>
public sealed class InitTests : IDisposable
{
    private const string Domain = "test.mesh";

    private readonly OpenFolder root = new();

    private string Mesh => Path.Combine(root.Path, "mesh");

    [Fact]
    public void Every_service_gets_what_is_its_own_and_nothing_of_another()
    {
        Init();

        Assert.Equal(["ca.crt", "ca.key", "trust.json"], NamesIn("ca"));
        Assert.All(KeyFolder.Services, service => Assert.Equal(["ca.crt", "tls.crt", "tls.key"], NamesIn($"tls/{service}")));
        Assert.Equal(["bus", "trust.json"], NamesIn("keys/ingress"));
        Assert.Equal(["trust.json"], NamesIn("keys/toolrunner"));
        Assert.Equal(["bus", "postgres", "trust.json"], NamesIn("keys/orchestrator"));
        Assert.Equal(["bootstrap.token", "bus", "postgres", "signing.seed", "token.pepper", "trust.json"], NamesIn("keys/policy"));
        Assert.Equal(["bus", "postgres", "root.key", "token.pepper", "trust.json"], NamesIn("keys/vault"));
        Assert.Equal(["bus", "postgres", "signing.seed", "trust.json"], NamesIn("keys/audit"));
        Assert.Equal(["token", "trust.json"], NamesIn("operator"));
        Assert.Equal(["audit", "bus", "orchestrator", "policy", "vault"], NamesIn("stores/connections"));
        Assert.Equal(Read("operator/token"), Read("keys/policy/bootstrap.token"));
    }

    [Fact]
    public void Secrets_are_their_owners_alone_save_those_of_servers_that_run_as_others()
    {
        Init();

        var open = Directory.EnumerateFiles(Mesh, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".crt", StringComparison.Ordinal) && !file.EndsWith("trust.json", StringComparison.Ordinal))
            .Where(file => File.GetUnixFileMode(file) != UnixFileMode.UserRead)
            .ToDictionary(file => Path.GetRelativePath(Mesh, file), File.GetUnixFileMode);

        Assert.Equal(["postgres/password", "rabbitmq/definitions.json", "rabbitmq/rabbitmq.conf"], open.Keys.Order(StringComparer.Ordinal));
        Assert.All(open.Values, mode => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.GroupRead, mode));
    }

    [Fact]
    public void A_second_run_changes_nothing()
    {
        Assert.NotEmpty(Init());
        var before = Content();

        Assert.Empty(Init());

        Assert.Equal(before, Content());
    }

    [Fact]
    public void A_run_that_was_cut_short_is_finished_by_the_next_with_the_same_keys()
    {
        Init();
        var whole = Content();

        // As it is in the middle: the ceremony is there, the CA's key and some of the rest are not.
        var ceremony = Path.Combine(Mesh, "ca", "ceremony");
        Directory.CreateDirectory(ceremony);
        foreach (var service in KeyFolder.Services)
        {
            Directory.CreateDirectory(Path.Combine(ceremony, service));
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Mesh, "tls", service)).Concat(Directory.EnumerateFiles(Path.Combine(Mesh, "keys", service))))
            {
                if (Path.GetFileName(file) is not ("postgres" or "bus" or "bootstrap.token"))
                {
                    File.Copy(file, Path.Combine(ceremony, service, Path.GetFileName(file)));
                }
            }
        }

        Directory.CreateDirectory(Path.Combine(ceremony, "ca"));
        File.Copy(Path.Combine(Mesh, "ca", "ca.crt"), Path.Combine(ceremony, "ca", "ca.crt"));
        File.Move(Path.Combine(Mesh, "ca", "ca.key"), Path.Combine(ceremony, "ca", "ca.key"));
        File.Delete(Path.Combine(Mesh, "keys", "vault", "root.key"));
        File.Delete(Path.Combine(Mesh, "keys", "audit", "trust.json"));

        Init();

        Assert.Equal(whole, Content());
        Assert.False(Directory.Exists(ceremony));
    }

    [Theory]
    [InlineData("ca", "has no CA, and there are keys of ingress, orchestrator, policy, vault, audit, toolrunner already")]
    [InlineData("keys/vault", "The keys of vault are gone")]
    public void Keys_that_are_gone_are_never_made_anew_beside_those_that_need_them(string gone, string why)
    {
        Init();
        Directory.Delete(Path.Combine(Mesh, gone), recursive: true);
        var before = Content();

        var refused = Assert.Throws<ProblemException>(() => Init());

        Assert.Contains(why, refused.Problem.Message, StringComparison.Ordinal);
        Assert.Equal(before, Content());
    }

    [Fact]
    public void Another_domain_is_refused()
    {
        Init();

        var refused = Assert.Throws<ProblemException>(() => Init(domain: "other.mesh"));

        Assert.Contains("is an installation of the domain test.mesh, not of other.mesh", refused.Problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_moves_keeps_the_passwords_of_its_stores()
    {
        Init();
        var before = new NpgsqlConnectionStringBuilder(Read("keys/policy/postgres"));

        Init(postgres: "Host=db.example.com;Database=mesh;Username=admin;Password=theirs;SSL Mode=VerifyFull", bus: "amqps://them:theirs@mq.example.com/mesh");

        var after = new NpgsqlConnectionStringBuilder(Read("keys/policy/postgres"));
        Assert.Equal(("db.example.com", "mesh_policy", before.Password, SslMode.VerifyFull), (after.Host, after.Username, after.Password, after.SslMode));
        Assert.Equal("amqps://them:theirs@mq.example.com/mesh", Read("keys/audit/bus"));
    }

    [Fact]
    public void The_broker_s_user_may_use_only_what_is_the_mesh_s_and_its_hash_is_the_broker_s_own_form()
    {
        Init();
        var told = JsonNode.Parse(Read("rabbitmq/definitions.json"))!;
        var password = new Uri(Read("keys/audit/bus")).UserInfo.Split(':')[1];

        var hash = Convert.FromBase64String(told["users"]![0]!["password_hash"]!.GetValue<string>());

        Assert.Equal(hash[4..], System.Security.Cryptography.SHA256.HashData([.. hash[..4], .. System.Text.Encoding.UTF8.GetBytes(password)]));
        Assert.Equal(("", "^mesh\\.", "mesh"), (
            told["users"]![0]!["tags"]!.GetValue<string>(),
            told["permissions"]![0]!["configure"]!.GetValue<string>(),
            told["permissions"]![0]!["vhost"]!.GetValue<string>()));
        Assert.DoesNotContain(password, Read("rabbitmq/definitions.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_are_renewed_at_half_of_their_life_and_a_watch_that_does_not_is_found()
    {
        Init();
        var folder = new InstallationFolder(Mesh);
        var later = new LaterClock(TimeSpan.FromHours(12.2));
        var before = Read("tls/policy/tls.crt");
        Assert.False(CertificateIssuer.IsOverdue(folder.CertificateOf("policy"), TimeSpan.FromMinutes(30), later));
        Assert.True(CertificateIssuer.IsOverdue(folder.CertificateOf("policy"), TimeSpan.FromMinutes(30), new LaterClock(TimeSpan.FromHours(13))));

        using var issuer = CertificateIssuer.Open(folder.Authority, Domain, later);
        var told = new List<string>();
        Assert.True(new CertificateRenewal(issuer, folder.Certificates, told.Add, told.Add, later).RenewDue());

        Assert.Equal(KeyFolder.Services.Select(service => $"certificate of {service} renewed"), told);
        Assert.NotEqual(before, Read("tls/policy/tls.crt"));
    }

    public void Dispose() => root.Dispose();

    private IReadOnlyList<string> Init(
        string domain = Domain, string postgres = "Host=postgres;Database=mesh;Username=postgres", string bus = "amqp://rabbitmq:5672/mesh")
    {
        var files = new InstalledFiles();
        var folder = new InstallationFolder(Mesh);
        new InstalledKeys(folder, files, TimeProvider.System).Install(domain);
        new InstalledStores(folder, files).Install(new NpgsqlConnectionStringBuilder(postgres));
        new InstalledBroker(folder, files).Install(new Uri(bus));
        return files.Written;
    }

    private string[] NamesIn(string folder) => [.. Directory.EnumerateFileSystemEntries(Path.Combine(Mesh, folder)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private string Read(string file) => File.ReadAllText(Path.Combine(Mesh, file));

    private SortedDictionary<string, string> Content() => new(
        Directory.EnumerateFiles(Mesh, "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(Mesh, file), file => Convert.ToHexString(File.ReadAllBytes(file))),
        StringComparer.Ordinal);

    private sealed class LaterClock(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
