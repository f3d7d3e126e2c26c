using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mesh.Cli.Dev;

/// <summary>run.json: where a running mesh listens, whom it runs as which process, and the bootstrap token.</summary>
public sealed record RunFile(
    string Http,
    string Grpc,
    string Token,
    string Postgres,
    string Bus,
    IReadOnlyDictionary<string, int> Pids,
    int Launcher,
    int Postmaster,
    int? Broker,
    IReadOnlyDictionary<string, int> Agents)
{
    // As plain as it can be: people copy the connection string from it.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public static RunFile Read(string path) =>
        JsonSerializer.Deserialize<RunFile>(File.ReadAllText(path), Json) ?? throw new JsonException("It is empty.");

    /// <summary>Replaces the file at once: a reader sees the old one or the new one, and nobody else sees either.</summary>
    public void Write(string path)
    {
        var draft = path + ".new";
        File.Delete(draft);
        using (var file = new FileStream(draft, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            JsonSerializer.Serialize(file, this, Json);
        }

        File.Move(draft, path, overwrite: true);
    }
}
