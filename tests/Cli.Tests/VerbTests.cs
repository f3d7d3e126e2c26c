using System.CommandLine;
using Mesh.Cli;

namespace Cli.Tests;

public sealed class VerbTests
{
    [Theory]
    [InlineData("apply -f manifests")]
    [InlineData("diff -f manifests")]
    [InlineData("manifest get workflow refund-request")]
    [InlineData("get workflow refund-request")]
    [InlineData("list")]
    [InlineData("list tool --tenant acme")]
    [InlineData("secret put acme payments/payments-key")]
    [InlineData("secret list -o json")]
    [InlineData("token create fiona --kind person --role acme:approver --role *:viewer --expires 30d")]
    [InlineData("token list")]
    [InlineData("token revoke abc")]
    [InlineData("group add acme finance fiona")]
    [InlineData("group remove acme finance fiona")]
    [InlineData("group list")]
    [InlineData("task start refund-request --input {} --wait --request-id r-1 --timeout 5m")]
    [InlineData("task start refund-request --input @order.json")]
    [InlineData("task list --state waiting_approval --state running --limit 5")]
    [InlineData("task get 5a1b2c3d")]
    [InlineData("task events 5a1b2c3d -f")]
    [InlineData("task timeline 5a1b2c3d")]
    [InlineData("task wait 5a1b2c3d --until-approval")]
    [InlineData("task cancel 5a1b2c3d")]
    [InlineData("task settle 5a1b2c3d refund --outcome performed --reason seen")]
    [InlineData("approval list --all")]
    [InlineData("approval get 9f8e7d6c")]
    [InlineData("approval approve 9f8e7d6c")]
    [InlineData("approval deny 9f8e7d6c --reason no")]
    [InlineData("audit verify --tenant acme")]
    [InlineData("audit prove --task 5a1b2c3d")]
    [InlineData("audit prove --index 0 --out proofs")]
    [InlineData("status")]
    [InlineData("db migrate")]
    [InlineData("db migrate --connections connections --wait 2m")]
    [InlineData("init /mesh --domain mesh.example.com --postgres Host=db --bus-url amqp://mq/mesh")]
    [InlineData("keys renew /mesh --watch")]
    [InlineData("keys renew /mesh --check")]
    [InlineData("keys init")]
    [InlineData("keys init keys --domain mesh.example.com")]
    [InlineData("whoami")]
    [InlineData("version")]
    public void A_form_that_others_build_on_is_understood(string line) =>
        Assert.Empty(CommandLine.Parse(line.Split(' ')).Errors);

    [Theory]
    [InlineData("apply")]
    [InlineData("task start")]
    [InlineData("task start refund-request --timeout soon")]
    [InlineData("task list --state finished")]
    [InlineData("task list --limit 0")]
    [InlineData("task settle 5a1b2c3d refund --outcome performed")]
    [InlineData("task settle 5a1b2c3d refund --outcome maybe --reason x")]
    [InlineData("approval deny 9f8e7d6c")]
    [InlineData("token create fiona --role approver")]
    [InlineData("token create fiona --kind robot")]
    [InlineData("audit prove")]
    [InlineData("audit prove --task a --index 1")]
    [InlineData("secret put acme")]
    [InlineData("keys init keys --domain Example")]
    [InlineData("version -o xml")]
    [InlineData("version -o 1")]
    public void A_form_that_says_too_little_or_nonsense_is_refused(string line) =>
        Assert.NotEmpty(CommandLine.Parse(line.Split(' ')).Errors);

    [Fact]
    public async Task The_help_of_every_verb_can_be_asked_for_alone_and_teaches_with_its_name_and_an_example()
    {
        foreach (var path in Leaves(CommandLine.Root(), []))
        {
            using var to = new StringWriter();

            var parse = CommandLine.Parse([.. path, "--help"]);
            await parse.InvokeAsync(new InvocationConfiguration { Output = to }, TestContext.Current.CancellationToken);

            Assert.Empty(parse.Errors);
            Assert.Contains($"  mesh {string.Join(' ', path)}", to.ToString(), StringComparison.Ordinal);
            Assert.True(to.ToString().Contains("Example:", StringComparison.Ordinal), $"mesh {string.Join(' ', path)} --help shows no example.");
        }
    }

    private static IEnumerable<string[]> Leaves(Command command, string[] path) => command.Subcommands.Count == 0
        ? [path]
        : command.Subcommands.SelectMany(sub => Leaves(sub, [.. path, sub.Name]));
}
