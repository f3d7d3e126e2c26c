using System.Text.RegularExpressions;
using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>The commands of compose/README.md, typed as they stand there.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public async Task Every_command_of_the_page_works_in_the_order_in_which_it_stands()
    {
        await Engine.RequireAsync();
        var project = $"mesh-test-{Guid.NewGuid():N}"[..18];
        var ports = FreePorts.Several(2);
        var environment = new Dictionary<string, string>(Images.Environment) { ["MESH_HTTP_PORT"] = $"{ports[0]}", ["MESH_GRPC_PORT"] = $"{ports[1]}" };
        var typed = string.Join('\n', Block().Matches(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "compose", "README.md"), TestContext.Current.CancellationToken)).Select(block => block.Groups[1].Value))
            .Replace("COMPOSE_PROJECT_NAME=mesh ", $"COMPOSE_PROJECT_NAME={project} ", StringComparison.Ordinal)
            .Replace("docker compose", string.Join(' ', Engine.Compose), StringComparison.Ordinal);

        try
        {
            var (exitCode, output, errors) = await ContainerEngine.TryAsync(["timeout", "600", "bash", "-euxo", "pipefail", "-c", typed], environment);

            Assert.True(exitCode == 0, $"{exitCode}: {output}\n{errors}");
            Assert.Contains("\nverified\n", output, StringComparison.Ordinal);
            Assert.Contains("\"kind\":\"refund\"", output, StringComparison.Ordinal);
            Assert.Contains("completed", output, StringComparison.Ordinal);
        }
        finally
        {
            await ContainerEngine.TryAsync(
                [.. Engine.Compose, "-f", "compose/compose.yaml", "-f", "compose/compose.sample.yaml", "-p", project, "down", "-v", "--remove-orphans", "--timeout", "1"], environment);
        }
    }

    [GeneratedRegex("^```sh\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
