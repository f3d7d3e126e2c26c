using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Applying;

/// <summary>An agent's folder as a gzipped tar. The same files make the same bytes, whoever packs them, wherever and whenever.</summary>
internal sealed record Bundle(ContentDigest Digest, ReadOnlyMemory<byte> Content)
{
    public const int BytesMax = 64 * 1024 * 1024;

    private const UnixFileMode Plain = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static Bundle Pack(string folder)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        using (var tar = new TarWriter(zip, TarEntryFormat.Gnu))
        {
            foreach (var (name, path) in Sorted(folder))
            {
                Add(tar, name, path);
                if (packed.Length > BytesMax)
                {
                    throw TooLarge(folder);
                }
            }
        }

        if (packed.Length > BytesMax)
        {
            throw TooLarge(folder);
        }

        var content = packed.ToArray();
        return new Bundle(ContentDigest.Of(content), content);
    }

    private static List<(string Name, string Path)> Sorted(string folder)
    {
        var all = new DirectoryInfo(folder).EnumerateFileSystemInfos("*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = 0,

            // A link to a folder is refused below; to walk into it first could lead anywhere.
            ReturnSpecialDirectories = false,
        });
        var entries = new List<(string Name, string Path)>();
        foreach (var entry in all)
        {
            var name = Path.GetRelativePath(folder, entry.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (entry.LinkTarget is not null)
            {
                throw Refused($"{name} in {folder} is a link; a bundle has files and folders only.");
            }

            entries.Add((entry is DirectoryInfo ? name + "/" : name, entry.FullName));
        }

        // By bytes, as no language or file system orders them.
        entries.Sort((left, right) => Encoding.UTF8.GetBytes(left.Name).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right.Name)));
        return entries;
    }

    private static void Add(TarWriter tar, string name, string path)
    {
        var isFolder = name.EndsWith('/');
        var isExecutable = isFolder || (File.GetUnixFileMode(path) & Executable) != 0;
        var entry = new GnuTarEntry(isFolder ? TarEntryType.Directory : TarEntryType.RegularFile, name)
        {
            Mode = isExecutable ? Plain | Executable : Plain,
            ModificationTime = DateTimeOffset.UnixEpoch,
            AccessTime = DateTimeOffset.UnixEpoch,
            ChangeTime = DateTimeOffset.UnixEpoch,
            Uid = 0,
            Gid = 0,
            UserName = "",
            GroupName = "",
        };
        if (isFolder)
        {
            tar.WriteEntry(entry);
            return;
        }

        using var file = File.OpenRead(path);
        entry.DataStream = file;
        tar.WriteEntry(entry);
    }

    private static ProblemException TooLarge(string folder) =>
        Refused($"{folder} is more than {BytesMax / 1024 / 1024} MiB when packed; an agent has to be smaller.");

    private static ProblemException Refused(string message) => new(Problem.Here("BUNDLE_REFUSED", message, ExitCodes.Error));
}
