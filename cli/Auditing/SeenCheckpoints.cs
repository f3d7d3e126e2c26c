using System.Text;
using Mesh.Integrity;

namespace Mesh.Cli.Auditing;

/// <summary>The last checkpoint of each log that was verified here: what makes a rewritten history visible later.</summary>
/// <remarks>Kept outside of the mesh's own folder, so that whoever puts back an old copy of it does not put this back too.</remarks>
internal sealed class SeenCheckpoints(string folder)
{
    public static string DefaultFolder => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"),
        "mesh",
        "checkpoints");

    /// <summary>Null when there is none. One that its key does not open counts as none: it is of another installation.</summary>
    public Checkpoint? Find(NoteVerifier log)
    {
        var path = PathOf(log);
        return File.Exists(path) && Checkpoint.TryVerify(File.ReadAllBytes(path), [log], out var checkpoint) ? checkpoint : null;
    }

    public void Keep(NoteVerifier log, string note)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var path = PathOf(log);
        File.WriteAllText(path + ".new", note, new UTF8Encoding(false));
        File.Move(path + ".new", path, overwrite: true);
    }

    // By name and key: every throw-away installation has the same names.
    private string PathOf(NoteVerifier log) => Path.Combine(folder, ContentDigest.Of(Encoding.UTF8.GetBytes(log.ToString())).Hash + ".checkpoint");
}
