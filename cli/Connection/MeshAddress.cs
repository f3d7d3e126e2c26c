using System.CommandLine;
using System.Net;
using System.Text.Json;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;

namespace Mesh.Cli.Connection;

/// <summary>Which mesh is asked, and as whom.</summary>
internal sealed record MeshAddress(Uri Endpoint, string? Token)
{
    public static MeshAddress Find(ParseResult parse)
    {
        var endpoint = parse.GetValue(GlobalOptions.Endpoint) ?? Setting.Read("MESH_ENDPOINT");
        var token = parse.GetValue(GlobalOptions.Token) ?? Setting.Read("MESH_TOKEN");
        if (endpoint is null)
        {
            // The token of run.json is for its own mesh only, so it is not read when another endpoint was named.
            var run = ReadRun(parse.GetValue(GlobalOptions.Data)!);
            endpoint = run.Grpc;
            token ??= run.Token;
        }

        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new ProblemException(Problem.Usage($"The endpoint must be an http or https URL, not '{endpoint}'."));
        }

        if (token is not null && uri.Scheme == "http" && !IsThisMachine(uri))
        {
            throw new ProblemException(Problem.Usage($"A token is not sent in clear to {uri.Host}: use https."));
        }

        return new MeshAddress(uri, token);
    }

    private static RunFile ReadRun(DirectoryInfo data)
    {
        var folder = new DataFolder(data.FullName);
        var path = folder.RunFile;
        try
        {
            var run = RunFile.Read(path);

            // A launcher that was killed left its file, and anybody may listen on its ports by now.
            return folder.IsClaimed() ? run : throw new ProblemException(Problem.Here(
                "MESH_NOT_FOUND",
                $"The mesh in {data.FullName} was killed and is not running: start ./mesh dev again.",
                ExitCodes.NotReachable));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ProblemException(Problem.Here(
                "MESH_NOT_FOUND",
                $"No mesh runs in {data.FullName}: start one with ./mesh dev, or name one with --data, --endpoint or MESH_ENDPOINT.",
                ExitCodes.NotReachable));
        }
        catch (JsonException)
        {
            throw new ProblemException(Problem.Here("RUN_FILE_DAMAGED", $"{path} cannot be read: start ./mesh dev again.", ExitCodes.Error));
        }
    }

    private static bool IsThisMachine(Uri uri) =>
        uri.Host == "localhost" || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
