using System.CommandLine;
using Mesh.Cli.Output;

namespace Mesh.Cli;

/// <summary>The options that every verb has. A flag beats the environment, the environment beats run.json.</summary>
internal static class GlobalOptions
{
    public const string DefaultData = ".mesh";

    public static Option<OutputForm?> Output { get; } = new("--output", "-o")
    {
        Description = "How to print (MESH_OUTPUT).",
        HelpName = "table|json|jsonl|yaml|name",
        Recursive = true,
        CustomParser = result =>
        {
            if (TryRead(result.Tokens.Single().Value, out var form))
            {
                return form;
            }

            result.AddError($"--output must be one of table, json, jsonl, yaml, name, not '{result.Tokens.Single().Value}'.");
            return null;
        },
    };

    public static Option<string?> Endpoint { get; } = new("--endpoint")
    {
        Description = "Address of the mesh's gRPC door, such as http://127.0.0.1:7301 (MESH_ENDPOINT).",
        Recursive = true,
    };

    public static Option<string?> Token { get; } = new("--token")
    {
        Description = "API token (MESH_TOKEN, or the file that MESH_TOKEN_FILE names).",
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

        return TryRead(Environment.GetEnvironmentVariable("MESH_OUTPUT"), out var usual) ? usual : OutputForm.Table;
    }

    // A number would be read as a form too.
    private static bool TryRead(string? said, out OutputForm form) =>
        Enum.TryParse(said, ignoreCase: true, out form) && Enum.GetName(form) is { } name && name.Equals(said, StringComparison.OrdinalIgnoreCase);
}
