using System.Collections;

namespace Mesh.ServiceHost.Tests.Startup;

public sealed class OptionTableTests
{
    private static readonly OptionTable Table = new("policy", typeof(MeshServiceOptions), typeof(TestOptions));

    [Fact]
    public void Everything_comes_from_the_environment()
    {
        var (service, own) = Bound(Required(("MESH_POSTGRES", "Host=/tmp"), ("MESH_IN_FLIGHT", "7"), ("MESH_PATIENCE", "90s"), ("MESH_BUS", "rabbitmq")));

        Assert.Equal("127.0.0.1:7310", service.Listen.ToString());
        Assert.Equal("Host=/tmp", service.Postgres);
        Assert.Equal(BusTransport.Rabbitmq, service.Bus);
        Assert.Equal(7, own.InFlight);
        Assert.Equal(TimeSpan.FromSeconds(90), own.Patience);
    }

    [Fact]
    public void The_command_line_wins_over_the_environment()
    {
        var (service, own) = Bound(Required(("MESH_IN_FLIGHT", "7")), "--in-flight=8", "--listen", "localhost:9999");

        Assert.Equal("127.0.0.1:9999", service.Listen.ToString());
        Assert.Equal(8, own.InFlight);
    }

    [Fact]
    public void A_value_can_be_in_a_file()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "Host=/tmp;Password=x\n");

        var (service, _) = Bound(Required(("MESH_POSTGRES_FILE", file)));

        File.Delete(file);
        Assert.Equal("Host=/tmp;Password=x", service.Postgres);
    }

    [Fact]
    public void Every_wrong_option_is_named_with_what_it_wants_and_all_at_once()
    {
        var lines = Refused(
            new Hashtable { ["MESH_LISTEN"] = "7310", ["MESH_HEALTH"] = "127.0.0.1:7320", ["MESH_KEYS"] = "/k", ["MESH_BUS"] = "kafka", ["MESH_PATIENCE"] = "1h" },
            "--in-flight", "1001");

        Assert.Equal(
            [
                "MESH_LISTEN (--listen) must be an IP address and a port, such as 127.0.0.1:7310, not '7310'",
                "MESH_DOMAIN (--domain) is required: Trust domain of the mesh; a peer whose certificate names another one is refused.",
                "MESH_BUS (--bus) must be one of postgres, rabbitmq, not 'kafka'",
                "MESH_IN_FLIGHT (--in-flight) must be between 1 and 1000, not '1001'",
                "MESH_PATIENCE (--patience) must be between 1s and 5m, not '1h'",
            ],
            lines);
    }

    [Theory]
    [InlineData("--nonsense", "argument 1 is not an option of policy; --help lists them")]
    [InlineData("--in-flight", "--in-flight needs a value")]
    [InlineData("--in-flight=1 --in-flight=2", "--in-flight is given twice")]
    [InlineData("--in-flight=many", "MESH_IN_FLIGHT (--in-flight) must be a whole number, not 'many'")]
    public void A_wrong_command_line_is_refused(string arguments, string expected) =>
        Assert.Equal([expected], Refused(Required(), arguments.Split(' ')));

    [Fact]
    public void A_value_and_its_file_together_are_refused()
    {
        var lines = Refused(Required(("MESH_POSTGRES", "a"), ("MESH_POSTGRES_FILE", "/b")));

        Assert.Equal(["MESH_POSTGRES (--postgres) and MESH_POSTGRES_FILE are both set; set one"], lines);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_named()
    {
        var lines = Refused(Required(("MESH_POSTGRES_FILE", "/does/not/exist")));

        Assert.Equal(["MESH_POSTGRES (--postgres) cannot be read from the file /does/not/exist that MESH_POSTGRES_FILE names"], lines);
    }

    [Fact]
    public void Help_lists_every_option_with_its_default_and_bounds()
    {
        var help = Assert.IsType<OptionsReading.Help>(Table.Read(new Hashtable(), ["--help"])).Text;

        Assert.Contains("--listen, MESH_LISTEN (required)", help, StringComparison.Ordinal);
        Assert.Contains("--in-flight, MESH_IN_FLIGHT (default 32, 1 to 1000)\n      Calls in flight per tenant. The next one waits; none is dropped.\n", help, StringComparison.Ordinal);
        Assert.Contains("--patience, MESH_PATIENCE (default 10s, 1s to 5m)", help, StringComparison.Ordinal);
        Assert.Contains("--bus, MESH_BUS (default postgres)", help, StringComparison.Ordinal);
        Assert.Contains("--peer-toolrunner, MESH_PEER_TOOLRUNNER (default none)", help, StringComparison.Ordinal);
    }

    private static Hashtable Required(params (string Name, string Value)[] more)
    {
        var environment = new Hashtable
        {
            ["MESH_LISTEN"] = "127.0.0.1:7310",
            ["MESH_HEALTH"] = "127.0.0.1:7320",
            ["MESH_KEYS"] = "/keys",
            ["MESH_DOMAIN"] = "a.mesh",
        };

        foreach (var (name, value) in more)
        {
            environment[name] = value;
        }

        return environment;
    }

    private static (MeshServiceOptions Service, TestOptions Own) Bound(Hashtable environment, params string[] arguments)
    {
        var bound = Assert.IsType<OptionsReading.Bound>(Table.Read(environment, arguments));
        return ((MeshServiceOptions)bound.Records[typeof(MeshServiceOptions)], (TestOptions)bound.Records[typeof(TestOptions)]);
    }

    private static System.Collections.Immutable.ImmutableArray<string> Refused(Hashtable environment, params string[] arguments) =>
        Assert.IsType<OptionsReading.Refused>(Table.Read(environment, arguments)).Lines;
}
