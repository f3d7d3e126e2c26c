using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Mesh.Cli.Node;

/// <summary><c>mesh version</c>: what this program is.</summary>
internal static class VersionCommand
{
    public static string Current { get; } =
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static Command Create()
    {
        var command = new Command("version", "Show the version of this program.");
        command.Runs((session, _) =>
        {
            session.Printer.Print(
                new JsonObject { ["version"] = Current, ["runtime"] = RuntimeInformation.FrameworkDescription, ["platform"] = RuntimeInformation.RuntimeIdentifier },
                Current,
                to => to.WriteLine($"mesh {Current} ({RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier})"));
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExample("mesh version -o json");
    }
}
