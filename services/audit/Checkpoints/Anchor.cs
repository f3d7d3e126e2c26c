using Mesh.Audit.Tree;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Audit.Checkpoints;

/// <summary>The newest signed checkpoint of each log in a file outside the database, so that a restored backup cannot pass for the log.</summary>
/// <param name="folder">On another disk than the database, or null: then there is no such memory.</param>
internal sealed class Anchor(string? folder)
{
    private const string Extension = ".checkpoint";

    /// <summary>The tenants that have one.</summary>
    public IReadOnlyList<string> Tenants() => folder is not null && Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*" + Extension).Select(file => Path.GetFileNameWithoutExtension(file))]
        : [];

    /// <exception cref="DamagedLogException">There is a file, and it is not a checkpoint that this installation signed.</exception>
    public Checkpoint? Read(string tenant, LogSigners signers)
    {
        if (folder is null || !File.Exists(PathOf(folder, tenant)))
        {
            return null;
        }

        return signers.Verify(tenant, File.ReadAllBytes(PathOf(folder, tenant)))
            ?? throw new DamagedLogException(tenant, $"its anchor {PathOf(folder, tenant)} is not signed by this installation");
    }

    /// <summary>Durable when it has ended. An anchor of a larger size is left as it is.</summary>
    public Task WriteAsync(string tenant, byte[] note, long size, Checkpoint? current) => folder is null || current?.Size >= size
        ? Task.CompletedTask
        : OwnThread.RunAsync(() => Write(folder, tenant, note));

    private static void Write(string folder, string tenant, byte[] note)
    {
        Directory.CreateDirectory(folder);
        var draft = Path.Combine(folder, $"{tenant}.{Guid.NewGuid():N}.new");

        using (var file = new FileStream(draft, FileMode.CreateNew, FileAccess.Write))
        {
            file.Write(note);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, PathOf(folder, tenant), overwrite: true);
    }

    private static string PathOf(string folder, string tenant) => Path.Combine(folder, tenant + Extension);
}
