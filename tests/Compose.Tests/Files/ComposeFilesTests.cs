using System.Globalization;
using System.Text.RegularExpressions;
using Map = System.Collections.Generic.Dictionary<object, object?>;

namespace Compose.Tests.Files;

/// <summary>What holds for every container, read from the files: no engine is needed.</summary>
public sealed partial class ComposeFilesTests
{
    private static readonly string[] Services = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner"];

    private static readonly ComposeFile Base = ComposeFile.Read("compose.yaml");
    private static readonly ComposeFile Sample = ComposeFile.Read("compose.sample.yaml");
    private static readonly ComposeFile Observability = ComposeFile.Read("compose.observability.yaml");

    public static TheoryData<string, string> Containers => new(
    [
        .. Base.Services.Keys.Select(name => ("compose.yaml", name)),
        .. Sample.Services.Keys.Except(Services).Select(name => ("compose.sample.yaml", name)),
        .. Observability.Services.Keys.Except(Services).Select(name => ("compose.observability.yaml", name)),
    ]);

    [Fact]
    public void The_six_services_and_what_prepares_and_serves_them_are_there() =>
        Assert.Equal(
            [.. Services, "ca", "cli", "init", "migrate", "postgres", "rabbitmq"],
            Base.Services.Keys.OrderBy(name => (!Services.Contains(name), Services.Contains(name) ? Array.IndexOf(Services, name) : 0, name)));

    [Theory]
    [MemberData(nameof(Containers))]
    public void No_container_is_root_has_a_capability_or_can_write_to_its_root(string file, string name)
    {
        var service = Of(file, name);

        Assert.DoesNotContain(ComposeFile.Text(service, "user"), (string[])["", "0", "root", "0:0"]);
        Assert.Equal("true", ComposeFile.Text(service, "read_only"));
        Assert.Equal(["ALL"], ComposeFile.Texts(service, "cap_drop"));
        Assert.Equal(["no-new-privileges:true"], ComposeFile.Texts(service, "security_opt"));
        Assert.All((string[])["privileged", "cap_add", "pid", "ipc", "devices"], key => Assert.DoesNotContain(key, service.Keys));
    }

    [Theory]
    [MemberData(nameof(Containers))]
    public void Every_container_has_limits_of_memory_processors_and_processes(string file, string name) =>
        Assert.All((string[])["mem_limit", "cpus", "pids_limit"], key => Assert.Contains(key, Of(file, name).Keys));

    [Theory]
    [MemberData(nameof(Containers))]
    public void No_container_needs_more_than_one_processor_unless_it_is_told(string file, string name)
    {
        var processors = ComposeFile.Text(Of(file, name), "cpus");

        // Docker refuses a container that may use more processors than the machine has.
        Assert.True(processors == "${MESH_CPUS:-2.0}" || double.Parse(processors, CultureInfo.InvariantCulture) <= 1, processors);
    }

    [Theory]
    [MemberData(nameof(Containers))]
    public void No_container_mounts_a_folder_of_the_machine(string file, string name)
    {
        foreach (var volume in ComposeFile.Texts(Of(file, name), "volumes"))
        {
            // Configuration of images that are not ours, from the sources.
            if (volume.StartsWith("./observability/", StringComparison.Ordinal) && volume.EndsWith(":ro", StringComparison.Ordinal))
            {
                continue;
            }

            // A name before the colon is a volume, a lone path a volume of the container's own.
            Assert.False(volume.Contains(':', StringComparison.Ordinal) && volume[0] is '/' or '.' or '~', volume);
            Assert.DoesNotContain("docker.sock", volume, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Containers))]
    public void No_secret_is_in_an_environment_or_a_command(string file, string name)
    {
        var service = Of(file, name);
        var told = ComposeFile.Texts(service, "environment").Concat(ComposeFile.Texts(service, "command"));

        // A value that says which file it is in is not the secret itself.
        Assert.DoesNotContain(told, text => NamesSecret().IsMatch(text) && !text.Split('=', 2)[1].StartsWith("$$__file{/run/secrets/", StringComparison.Ordinal));
        Assert.DoesNotContain(told, text => text.Contains("assword=", StringComparison.Ordinal) || text.Contains("://mesh:", StringComparison.Ordinal)
            || text.Contains("mesh_", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Containers))]
    public void Images_have_a_version(string file, string name)
    {
        var image = ComposeFile.Text(Of(file, name), "image");

        Assert.Matches("^(postgres:17|rabbitmq:4|\\$\\{MESH_IMAGE:-mesh:local\\}|\\$\\{MESH_SAMPLE_IMAGE:-mesh-sample:local\\}|[a-z/-]+:v?[0-9]+\\.[0-9]+\\.[0-9]+)$", image);
    }

    [Fact]
    public void Each_image_of_ours_is_built_for_one_service_and_before_the_others_that_use_it()
    {
        var all = Base.Services.Concat(Sample.Services.Where(one => one.Key != "toolrunner")).ToList();
        var built = all.Where(one => one.Value.ContainsKey("build")).ToDictionary(one => ComposeFile.Text(one.Value, "image"), one => one.Key);

        Assert.Equal(["init", "sample-secrets"], built.Values.Order());
        foreach (var (name, service) in all.Where(one => built.ContainsKey(ComposeFile.Text(one.Value, "image"))))
        {
            Assert.True(name == "cli" || Needs(name).Contains(built[ComposeFile.Text(service, "image")]), name);
        }

        HashSet<string> Needs(string name) =>
            all.Single(one => one.Key == name).Value.GetValueOrDefault("depends_on") is Map on
                ? [name, .. on.Keys.SelectMany(other => Needs((string)other))]
                : [name];
    }

    [Fact]
    public void Whatever_goes_on_running_has_a_health_check_and_the_services_use_their_own_probe()
    {
        var staying = Base.Services.Where(one => ComposeFile.Text(one.Value, "restart") == "unless-stopped").ToList();

        Assert.Equal([.. Services, "ca", "postgres", "rabbitmq"], staying.Select(one => one.Key).OrderBy(name => (Services.Contains(name) ? Array.IndexOf(Services, name) : 9, name)));
        Assert.All(staying, one => Assert.Contains("healthcheck", one.Value.Keys));
        Assert.All(Services, name => Assert.Equal(
            ["CMD", "dotnet", $"Mesh.{char.ToUpperInvariant(name[0])}{name[1..]}.dll", "probe"],
            ComposeFile.Texts((Map)Base.Services[name]["healthcheck"]!, "test")));
    }

    [Fact]
    public void Nothing_is_published_but_ingress_and_that_on_loopback()
    {
        var published = Base.Services.Concat(Sample.Services).Where(one => one.Value.ContainsKey("ports")).ToList();

        Assert.Equal(["ingress"], published.Select(one => one.Key));
        Assert.All(ComposeFile.Texts(published[0].Value, "ports"), port => Assert.StartsWith("${MESH_BIND:-127.0.0.1}:", port, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_network_leads_nowhere_but_the_door_and_the_tool_runners_egress()
    {
        var open = Base.Networks.Concat(Sample.Networks).Where(network => ComposeFile.Text(network.Value, "internal") != "true").Select(network => network.Key);

        Assert.Equal(["door", "egress"], open.Order());
        Assert.Equal(["ingress"], On("door"));
        Assert.Equal(["toolrunner"], On("egress"));
        Assert.Equal(["audit", "migrate", "orchestrator", "policy", "postgres", "vault"], On("store"));
        Assert.Equal(["audit", "ingress", "orchestrator", "policy", "rabbitmq", "vault"], On("bus"));
        Assert.Equal(Services.Order(), On("services"));

        static IEnumerable<string> On(string network) =>
            Base.Services.Where(one => ComposeFile.Texts(one.Value, "networks").Contains(network)).Select(one => one.Key).Order();
    }

    [Fact]
    public void Nobody_but_init_reads_what_is_another_s()
    {
        foreach (var (volume, readers) in Readers())
        {
            string[] expected = volume switch
            {
                "ca" => ["ca"],
                "stores" => ["migrate"],
                "postgres-secret" or "database" => ["postgres"],
                "rabbitmq-secret" or "messages" => ["rabbitmq"],
                "operator" => ["cli"],
                "checkpoints" => ["audit"],
                _ when volume.StartsWith("tls-", StringComparison.Ordinal) => ["ca", volume["tls-".Length..]],
                _ => [volume["keys-".Length..]],
            };

            Assert.True(readers.Except(["init"]).ToHashSet().SetEquals(expected), $"{volume} is read by {string.Join(", ", readers)}");
        }
    }

    [Fact]
    public void Services_cannot_write_to_what_they_were_given()
    {
        var writable = from service in Services
                       from volume in ComposeFile.Texts(Base.Services[service], "volumes")
                       where !volume.EndsWith(":ro", StringComparison.Ordinal)
                       select volume;

        Assert.Equal(["checkpoints:/mesh/checkpoints"], writable);
    }

    [Fact]
    public void The_tool_runner_reaches_no_store_and_no_bus() =>
        Assert.Equal(["services", "egress"], ComposeFile.Texts(Base.Services["toolrunner"], "networks"));

    [Fact]
    public void The_file_of_external_servers_starts_none_of_ours_and_reads_secrets_from_files()
    {
        var external = ComposeFile.Read("compose.external.yaml");

        Assert.All((string[])["postgres", "rabbitmq"], name => Assert.Equal(["unused"], ComposeFile.Texts(external.Services[name], "profiles")));
        Assert.Equal(
            ["MESH_BUS_URL=", "MESH_BUS_URL_FILE=/run/secrets/bus-url", "MESH_POSTGRES=", "MESH_POSTGRES_FILE=/run/secrets/postgres"],
            ComposeFile.Texts(external.Services["init"], "environment").Order());

        // A dependency would start them all the same.
        Assert.DoesNotContain(Base.Services.Values, service => service.GetValueOrDefault("depends_on") is Map on && (on.ContainsKey("postgres") || on.ContainsKey("rabbitmq")));
    }

    [Fact]
    public void Grafana_reads_its_first_password_from_a_file_of_the_machine()
    {
        var grafana = Observability.Services["grafana"];

        Assert.Contains("GF_SECURITY_ADMIN_PASSWORD=$$__file{/run/secrets/grafana-password}", ComposeFile.Texts(grafana, "environment"));
        Assert.Equal(["grafana-password"], ComposeFile.Texts(grafana, "secrets"));
        Assert.Equal(["file=${MESH_GRAFANA_SECRET:-./secrets/grafana}"], ComposeFile.Texts((Map)Observability.Root["secrets"]!, "grafana-password"));
    }

    [Fact]
    public void The_file_of_ports_publishes_on_loopback_only() =>
        Assert.All(
            ComposeFile.Read("compose.ports.yaml").Services.Values.SelectMany(service => ComposeFile.Texts(service, "ports")),
            port => Assert.StartsWith("127.0.0.1:", port, StringComparison.Ordinal));

    [Fact]
    public void Every_variable_of_the_files_is_in_the_example_with_its_default()
    {
        var example = File.ReadAllLines(Path.Combine(Mesh.TestKit.Repository.Root, "compose", ".env.example"));
        string[] unlisted = ["MESH_POSTGRES_PORT", "MESH_RABBITMQ_PORT", "MESH_POSTGRES_SECRET", "MESH_BUS_URL_SECRET", "MESH_GRAFANA_SECRET"];
        var used = Directory.EnumerateFiles(Path.Combine(Mesh.TestKit.Repository.Root, "compose"), "*.yaml")
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), @"\$\{(\w+):-([^}]*)\}"))
            .Select(match => $"{match.Groups[1].Value}={match.Groups[2].Value}")
            .Distinct()
            .Where(line => !unlisted.Contains(line.Split('=')[0]))
            .Order();

        Assert.Equal(used, example.Where(line => line.Length > 0 && line[0] != '#').Order());
    }

    private static Map Of(string file, string name) => (file switch
    {
        "compose.yaml" => Base,
        "compose.sample.yaml" => Sample,
        _ => Observability,
    }).Services[name];

    private static IEnumerable<(string Volume, List<string> Readers)> Readers() =>
        from service in Base.Services
        from volume in ComposeFile.Texts(service.Value, "volumes")
        where volume.Contains(':', StringComparison.Ordinal)
        group service.Key by volume.Split(':')[0] into readers
        select (readers.Key, readers.ToList());

    [GeneratedRegex("^[A-Z_]*(PASSWORD|SECRET|TOKEN)=.")]
    private static partial Regex NamesSecret();
}
