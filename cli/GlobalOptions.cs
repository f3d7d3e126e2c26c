using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli;

/// <summary>The options that every verb has. A flag beats the environment, the environment beats run.json.</summary>
internal static class GlobalOptions
{
    public const string DefaultData = ".mesh";

    public static Option<OutputForm?> Output { get; } = new("--output", "-o")
    {
        Description = "How to print: table, json, jsonl, yaml or name.",
        Recursive = true,
    };

    public static Option<string?> Endpoint { get; } = new("--endpoint")
    {
        Description = "Address of the mesh's gRPC door, such as http://127.0.0.1:7301 (MESH_ENDPOINT).",
        Recursive = true,
    };

    public static Option<string?> Token { get; } = new("--token")
    {
        Description = "API token (MESH_TOKEN).",
        Recursive = true,
    };

    public static Option<string?> Tenant { get; } = new("--tenant")
    {
        Description = "Tenant (MESH_TENANT); not needed when the token can see only one.",
        HelpName = "NAME",
        Recursive = true,
    };

    public static Option<DirectoryInfo> Data { get; } = new("--data")
    {
        Description = "Folder of a mesh on this machine; its run.json says where it listens.",
        HelpName = "DIR",
        DefaultValueFactory = _ => new DirectoryInfo(DefaultData),
        Recursive = true,
    };

    public static OutputForm FormOf(ParseResult parse)
    {
        // Also asked about a command line with errors in it, where reading the value could throw.
        if (parse.GetResult(Output) is { } said && !said.Errors.Any() && parse.GetValue(Output) is { } form)
        {
            return form;
        }

        return Enum.TryParse<OutputForm>(Environment.GetEnvironmentVariable("MESH_OUTPUT"), ignoreCase: true, out var usual)
            ? usual
            : OutputForm.Table;
    }
}
